package protocols_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// sink is a consumer that collects what is written and asks for more in Write.
type sink struct {
	got      bytes.Buffer
	pieces   []int
	producer reactor.Producer
	onWrite  func()
	depth    int // calls of Write on the stack
	deepest  int
}

func (s *sink) RegisterProducer(p reactor.Producer, _ bool) error {
	if s.producer != nil {
		return reactor.ErrProducerRegistered
	}
	s.producer = p
	p.ResumeProducing()
	return nil
}

func (s *sink) UnregisterProducer() { s.producer = nil }

func (s *sink) Write(data []byte) {
	s.depth++
	s.deepest = max(s.deepest, s.depth)
	defer func() { s.depth-- }()
	s.got.Write(data)
	s.pieces = append(s.pieces, len(data))
	if s.onWrite != nil {
		s.onWrite()
	}
	if s.producer != nil {
		s.producer.ResumeProducing()
	}
}

// readerFunc is a reader that counts its calls.
type readerFunc struct {
	read  func(p []byte) (int, error)
	calls int
}

func (r *readerFunc) Read(p []byte) (int, error) {
	r.calls++
	return r.read(p)
}

// truncatedGzip returns a reader that fails with io.ErrUnexpectedEOF, and the
// data that it returns before.
func truncatedGzip(t *testing.T) (io.Reader, string) {
	t.Helper()
	text := strings.Repeat("0123456789", 5_000)
	packed := new(bytes.Buffer)
	w, _ := gzip.NewWriterLevel(packed, gzip.NoCompression)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	r, err := gzip.NewReader(io.LimitReader(packed, 40_000))
	if err != nil {
		t.Fatal(err)
	}
	return r, text
}

func TestF40_TheErrorOfTheReader(t *testing.T) {
	reactors := []*reactor.Reactor{nil, reactortest.Start(t, reactor.Options{})}
	wrappedEOF := fmt.Errorf("the other end has gone: %w", io.EOF)
	for name, row := range map[string]struct {
		reader func() io.Reader
		data   string
		want   error // nil means success
	}{
		"unexpected EOF":          {func() io.Reader { return iotest.ErrReader(io.ErrUnexpectedEOF) }, "", io.ErrUnexpectedEOF},
		"unexpected EOF and data": {func() io.Reader { return failsWith("data", io.ErrUnexpectedEOF) }, "data", io.ErrUnexpectedEOF},
		"another error and data":  {func() io.Reader { return failsWith("data", errRead) }, "data", errRead},
		"EOF and data":            {func() io.Reader { return failsWith("data", io.EOF) }, "data", nil},
		"an error around EOF":     {func() io.Reader { return failsWith("data", wrappedEOF) }, "data", wrappedEOF},
		"nothing for ever":        {func() io.Reader { return failsWith("", nil) }, "", io.ErrNoProgress},
		"one byte at a time":      {func() io.Reader { return iotest.OneByteReader(strings.NewReader("data")) }, "data", nil},
	} {
		for _, r := range reactors {
			t.Run(fmt.Sprintf("%s/thread=%v", name, r != nil), func(t *testing.T) {
				got, _, err := transferTo(t, r, row.reader())
				if !errors.Is(err, row.want) || got != row.data {
					t.Errorf("sent %q, %v, want %q, %v", got, err, row.data, row.want)
				}
			})
		}
	}
}

// failsWith returns a reader of one Read. Another Read after an error panics.
func failsWith(data string, err error) io.Reader {
	failed := false
	return &readerFunc{read: func(p []byte) (int, error) {
		if failed {
			panic("Read after an error")
		}
		failed = err != nil
		return copy(p, data), err
	}}
}

// transferTo sends what file has to a sink, on the loop of r if r is not nil.
func transferTo(t *testing.T, r *reactor.Reactor, file io.Reader) (got string, last []byte, err error) {
	t.Helper()
	c := new(sink)
	begin := func() deferred.Deferred[[]byte] {
		s := &protocols.FileSender{Reactor: r}
		return s.BeginFileTransfer(file, c)
	}
	if r == nil {
		d := begin()
		last, err, _ = d.Result()
		deferredtest.Observe(d)
	} else {
		last, err = reactor.BlockingCallFromThread(r, begin)
	}
	if c.producer != nil {
		t.Error("the FileSender is still registered")
	}
	return c.got.String(), last, err
}

func TestF40_TruncatedGzip(t *testing.T) {
	file, text := truncatedGzip(t)
	got, _, err := transferTo(t, nil, file)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if got == "" || !strings.HasPrefix(text, got) {
		t.Errorf("%d bytes were sent before the error", len(got))
	}
}

func TestF40_AConsumerThatAsksInWrite(t *testing.T) {
	content := strings.Repeat("x", 64<<10)
	for _, r := range []*reactor.Reactor{nil, reactortest.Start(t, reactor.Options{})} {
		c := new(sink)
		begin := func() deferred.Deferred[[]byte] {
			return (&protocols.FileSender{Reactor: r}).BeginFileTransfer(strings.NewReader(content), c)
		}
		if r == nil {
			deferredtest.SuccessResultOf(t, begin())
		} else if _, err := reactor.BlockingCallFromThread(r, begin); err != nil {
			t.Error(err)
		}
		if c.deepest != 1 || c.got.Len() != len(content) {
			t.Errorf("%d calls of Write on the stack, %d bytes", c.deepest, c.got.Len())
		}
		if fmt.Sprint(c.pieces) != "[16384 16384 16384 16384]" { // R455
			t.Errorf("pieces of %v", c.pieces)
		}
	}
}

func TestF40_PiecesThatVanishUseNoStack(t *testing.T) {
	var depths []int
	s := &protocols.FileSender{Transform: func([]byte) []byte {
		depths = append(depths, runtime.Callers(0, make([]uintptr, 1000)))
		return nil
	}}
	d := s.BeginFileTransfer(strings.NewReader(strings.Repeat("x", 80<<10)), new(sink))
	if last := deferredtest.SuccessResultOf(t, d); len(last) != 0 {
		t.Errorf("last byte %q", last)
	}
	if len(depths) != 5 || depths[4] != depths[0] {
		t.Errorf("depths of the stack: %v", depths)
	}
}

func TestF40_F49_ASecondTransferIsRefused(t *testing.T) {
	c := new(sink)
	s := new(protocols.FileSender)
	c.onWrite = func() {
		deferredtest.FailureResultOf(t, s.BeginFileTransfer(strings.NewReader("other"), new(sink)), protocols.ErrTransferInProgress)
	}
	d := s.BeginFileTransfer(strings.NewReader("the file"), c)
	deferredtest.SuccessResultOf(t, d)
	if c.got.String() != "the file" {
		t.Errorf("sent %q", c.got.String())
	}
	c.onWrite = nil
	deferredtest.SuccessResultOf(t, s.BeginFileTransfer(strings.NewReader(", the next"), c))
	if c.got.String() != "the file, the next" {
		t.Errorf("sent %q", c.got.String())
	}
}

// A transfer that a callback of the one before begins is not nested in it.
func TestF40_TheNextTransferFromACallback(t *testing.T) {
	c := reactortest.NewStringTransport()
	s := new(protocols.FileSender)
	var depths []int
	var next func(left int)
	next = func(left int) {
		d := s.BeginFileTransfer(&readerFunc{read: func([]byte) (int, error) {
			depths = append(depths, runtime.Callers(0, make([]uintptr, 1000)))
			return 0, io.EOF
		}}, c)
		d.AddCallback(func([]byte) ([]byte, error) {
			if c.Producer != nil {
				t.Error("R455: the Deferred fires before the FileSender is unregistered")
			}
			if left > 0 {
				next(left - 1)
				s.ResumeProducing()
			}
			return nil, nil
		})
	}
	next(3)
	s.ResumeProducing()
	if len(depths) != 4 || depths[3] != depths[0] {
		t.Errorf("depths of the stack: %v", depths)
	}
}

func TestF40_Panics(t *testing.T) {
	broken := &readerFunc{read: func([]byte) (int, error) { panic(errRead) }}
	impossible := &readerFunc{read: func(p []byte) (int, error) { return len(p) + 1, nil }}
	for _, r := range []*reactor.Reactor{nil, reactortest.Start(t, reactor.Options{})} {
		if _, _, err := transferTo(t, r, broken); !errors.Is(err, errRead) {
			t.Errorf("Read panics: %v", err)
		}
		if _, _, err := transferTo(t, r, impossible); err == nil || !strings.Contains(err.Error(), "impossible count") {
			t.Errorf("an impossible count: %v", err)
		}
		c := &sink{onWrite: func() { panic(errRead) }}
		begin := func() deferred.Deferred[[]byte] {
			return (&protocols.FileSender{Reactor: r}).BeginFileTransfer(strings.NewReader("data"), c)
		}
		if r == nil {
			deferredtest.FailureResultOf(t, begin(), errRead)
		} else if _, err := reactor.BlockingCallFromThread(r, begin); !errors.Is(err, errRead) {
			t.Errorf("Write panics: %v", err)
		}
	}
}

// unwilling is a consumer whose RegisterProducer panics.
type unwilling struct{ sink }

func (*unwilling) RegisterProducer(reactor.Producer, bool) error { panic(errRead) }

func TestF40_TheSenderIsFreeAfterAPanicOfRegisterProducer(t *testing.T) {
	s := new(protocols.FileSender)
	wantPanic(t, "RegisterProducer", func() { s.BeginFileTransfer(strings.NewReader("x"), new(unwilling)) })
	deferredtest.SuccessResultOf(t, s.BeginFileTransfer(strings.NewReader("x"), new(sink)))
}

func TestF40_AThreadPoolThatHasStopped(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true})
	_ = r.ThreadPool().Stop()
	d := (&protocols.FileSender{Reactor: r}).BeginFileTransfer(strings.NewReader("x"), new(sink))
	deferredtest.FailureResultOf(t, d, reactor.ErrThreadPoolStopped)
}
