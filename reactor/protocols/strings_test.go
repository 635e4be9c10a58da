package protocols_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// stringNotes notes strings, and does what its hook says.
type stringNotes struct {
	got      []string
	onString func(s string)
}

func (n *stringNotes) StringReceived(s []byte) {
	n.got = append(n.got, string(s))
	if n.onString != nil {
		n.onString(string(s))
	}
}

type int8Notes struct {
	protocols.Int8StringReceiver
	stringNotes
}

type int16Notes struct {
	protocols.Int16StringReceiver
	stringNotes
}

type int32Notes struct {
	protocols.Int32StringReceiver
	stringNotes
}

type netNotes struct {
	protocols.NetstringReceiver
	stringNotes
}

func TestR442_IntNStrings(t *testing.T) {
	type sender interface{ SendString(s []byte) error }
	for _, row := range []struct {
		make func() (reactor.Protocol, *stringNotes)
		wire string
	}{
		{func() (reactor.Protocol, *stringNotes) { p := new(int8Notes); return p, &p.stringNotes }, "\x03one\x00\x05three"},
		{func() (reactor.Protocol, *stringNotes) { p := new(int16Notes); return p, &p.stringNotes }, "\x00\x03one\x00\x00\x00\x05three"},
		{func() (reactor.Protocol, *stringNotes) { p := new(int32Notes); return p, &p.stringNotes },
			"\x00\x00\x00\x03one\x00\x00\x00\x00\x00\x00\x00\x05three"},
	} {
		inAnyChunks(t, row.wire, func(t *testing.T, feed func(reactor.Protocol)) {
			p, n := row.make()
			tr := connect(p)
			feed(p)
			want(t, n.got, "one", "", "three")
			for _, s := range n.got {
				if err := p.(sender).SendString([]byte(s)); err != nil {
					t.Error(err)
				}
			}
			if tr.Value() != row.wire {
				t.Errorf("sent %q", tr.Value())
			}
		})
	}
}

func TestR443_StringsThatAreTooLong(t *testing.T) {
	p := new(int16Notes)
	p.MaxLength = 3
	tr := connect(p)
	p.DataReceived([]byte("\x00\x03one\x00\x04four\x00\x01x"))
	want(t, p.got, "one")
	if !tr.Disconnecting() {
		t.Error("the connection is open")
	}
	byDefault := new(int32Notes)
	tr = connect(byDefault)
	byDefault.DataReceived([]byte{0, 1, 0x86, 0x9f}) // 99999
	if tr.Disconnecting() {
		t.Error("closed for a string that is just short enough")
	}
	other := new(int32Notes)
	tr = connect(other)
	other.DataReceived([]byte{0, 1, 0x86, 0xa0})
	if !tr.Disconnecting() {
		t.Error("the connection is open")
	}
}

func TestR444_SendStringTooLong(t *testing.T) {
	p := new(int8Notes)
	p.MaxLength = 1 // does not limit sending
	tr := connect(p)
	if err := p.SendString(make([]byte, 256)); !errors.Is(err, protocols.ErrStringTooLong) || tr.Value() != "" {
		t.Errorf("%v, sent %q", err, tr.Value())
	}
	if err := p.SendString(make([]byte, 255)); err != nil || len(tr.Value()) != 256 {
		t.Errorf("%v, sent %d bytes", err, len(tr.Value()))
	}
}

func TestR445_R446_PausingStrings(t *testing.T) {
	for name, p := range map[string]interface {
		reactor.Protocol
		reactor.PushProducer
	}{"int8": new(int8Notes), "netstring": new(netNotes)} {
		t.Run(name, func(t *testing.T) {
			var n *stringNotes
			var wire string
			switch p := p.(type) {
			case *int8Notes:
				n, wire = &p.stringNotes, "\x05pause\x03two\x04both\x04last"
			case *netNotes:
				n, wire = &p.stringNotes, "5:pause,3:two,4:both,4:last,"
			}
			connect(p)
			n.onString = func(s string) {
				switch s {
				case "pause":
					p.PauseProducing()
				case "both":
					p.PauseProducing()
					p.ResumeProducing()
					n.got = append(n.got, "returned")
				}
			}
			p.DataReceived([]byte(wire))
			want(t, n.got, "pause")
			p.ResumeProducing()
			want(t, n.got, "pause", "two", "both", "returned", "last")
		})
	}
}

// replacer looks at the bytes that were not processed.
type replacer struct {
	int8Notes
	seen []string
}

func (r *replacer) LengthLimitExceeded(length int) {
	r.seen = append(r.seen, fmt.Sprintf("%d %q", length, r.Unprocessed()))
	r.SetUnprocessed([]byte("\x02ok"))
}

func TestR447_UnprocessedBytes(t *testing.T) {
	r := new(replacer)
	r.MaxLength = 5
	connect(r)
	r.onString = func(s string) {
		if s == "replace" || s == "swap" {
			r.SetUnprocessed(append([]byte("\x03new"), r.Unprocessed()...))
		}
	}
	r.DataReceived([]byte("\x04swap\x03one\x09too long"))
	want(t, r.got, "swap", "new", "one", "ok")
	want(t, r.seen, `9 "\ttoo long"`)
}

func TestR448_R453_NothingAfterTheClose(t *testing.T) {
	p := new(int8Notes)
	connect(p)
	p.onString = func(string) { p.Transport().LoseConnection() }
	p.DataReceived([]byte("\x03one\x03two"))
	want(t, p.got, "one")
	n := new(netNotes)
	connect(n)
	n.onString = func(string) { n.Transport().LoseConnection() }
	n.DataReceived([]byte("3:one,3:two,"))
	want(t, n.got, "one")
}

func TestR449_R452_Netstrings(t *testing.T) {
	inAnyChunks(t, "3:one,0:,12:a:b,c\x00\xff 3:x,,", func(t *testing.T, feed func(reactor.Protocol)) {
		p := new(netNotes)
		tr := connect(p)
		feed(p)
		want(t, p.got, "one", "", "a:b,c\x00\xff 3:x,")
		if p.Broken() {
			t.Error("broken")
		}
		p.SendString([]byte("hello"))
		p.SendString(nil)
		if tr.Value() != "5:hello,0:," {
			t.Errorf("sent %q", tr.Value())
		}
	})
}

func TestR450_R451_BrokenNetstrings(t *testing.T) {
	for _, wire := range []string{
		"01:x,", "00:,", "+1:x,", "-1:x,", " 1:x,", "1 :x,", ":x,", "x", "1x,", "1:xy", "3:abcd", "100000", "99999999999999999999999999",
	} {
		inAnyChunks(t, wire, func(t *testing.T, feed func(reactor.Protocol)) {
			p := new(netNotes)
			tr := connect(p)
			feed(p)
			if !p.Broken() || !tr.Disconnecting() {
				t.Errorf("%q: broken %v, closing %v", wire, p.Broken(), tr.Disconnecting())
			}
			p.DataReceived([]byte("1:x,"))
			want(t, p.got)
		})
	}
	p := new(netNotes)
	p.MaxLength = 12
	connect(p)
	p.DataReceived([]byte("12"))
	if p.Broken() {
		t.Error("broken by a length that is just short enough")
	}
	p.DataReceived([]byte("0"))
	if !p.Broken() {
		t.Error("not broken by the digits alone")
	}
}

func TestR439_MissingStringReceived(t *testing.T) {
	bare := new(struct{ protocols.Int8StringReceiver })
	connect(bare)
	wantPanicOf(t, "no method StringReceived", func() { bare.DataReceived([]byte("\x01x")) })
}

// failingReader fails after its text.
type failingReader struct{ r *strings.Reader }

var errRead = errors.New("the disk is on fire")

func (r failingReader) Read(p []byte) (int, error) {
	if n, _ := r.r.Read(p); n > 0 {
		return n, nil
	}
	return 0, errRead
}

// sendTo sends over a pair and returns what arrived, and the outcome.
func sendTo(t *testing.T, s *protocols.FileSender, send func(consumer reactor.Consumer) deferred.Deferred[[]byte]) (string, []byte, error) {
	t.Helper()
	client, server := new(reactortest.AccumulatingProtocol), new(reactortest.AccumulatingProtocol)
	pair := reactortest.NewPair(client, server)
	d := send(client.Transport())
	pair.Flush()
	last, err, ok := d.Result()
	if !ok {
		t.Error("not fired")
	}
	d.AddErrback(func(error) ([]byte, error) { return nil, nil })
	if e := client.Transport().RegisterProducer(s, false); err == nil && e != nil {
		t.Errorf("still registered: %v", e)
	}
	return server.Data.String(), last, err
}

func TestR455_R456_FileSender(t *testing.T) {
	content := strings.Repeat("0123456789", 10_000)
	s := new(protocols.FileSender)
	got, last, err := sendTo(t, s, func(c reactor.Consumer) deferred.Deferred[[]byte] {
		return s.BeginFileTransfer(strings.NewReader(content), c)
	})
	if got != content || string(last) != "9" || err != nil {
		t.Errorf("got %d bytes, last %q, %v", len(got), last, err)
	}
	pieces := 0
	s = &protocols.FileSender{Transform: func(piece []byte) []byte {
		if pieces++; pieces == 2 {
			return nil // a piece may vanish
		}
		return bytes.ToUpper(piece)
	}}
	got, last, err = sendTo(t, s, func(c reactor.Consumer) deferred.Deferred[[]byte] {
		return s.BeginFileTransfer(strings.NewReader(strings.Repeat("a", 40<<10)), c)
	})
	if got != strings.Repeat("A", 24<<10) || string(last) != "A" || err != nil {
		t.Errorf("got %d bytes, last %q, %v", len(got), last, err)
	}
	s = new(protocols.FileSender)
	got, last, err = sendTo(t, s, func(c reactor.Consumer) deferred.Deferred[[]byte] {
		return s.BeginFileTransfer(strings.NewReader(""), c)
	})
	if got != "" || len(last) != 0 || err != nil {
		t.Errorf("got %q, last %q, %v", got, last, err)
	}
	_, _, err = sendTo(t, s, func(c reactor.Consumer) deferred.Deferred[[]byte] {
		return s.BeginFileTransfer(failingReader{strings.NewReader("some")}, c)
	})
	if !errors.Is(err, errRead) {
		t.Errorf("got %v", err)
	}
	s = new(protocols.FileSender)
	_, _, err = sendTo(t, s, func(c reactor.Consumer) deferred.Deferred[[]byte] {
		d := s.BeginFileTransfer(strings.NewReader(content), c)
		s.StopProducing()
		return d
	})
	if !errors.Is(err, protocols.ErrConsumerStopped) {
		t.Errorf("R456: %v", err)
	}
	busy := new(reactortest.AccumulatingProtocol)
	reactortest.NewPair(busy, new(reactortest.AccumulatingProtocol))
	_ = busy.Transport().RegisterProducer(busy.Transport(), true)
	_, err, _ = s.BeginFileTransfer(strings.NewReader("x"), busy.Transport()).
		AddErrback(func(err error) ([]byte, error) { return []byte(err.Error()), nil }).Result()
	if err != nil {
		t.Error(err)
	}
}

func TestR455_FileSenderReadsInAThread(t *testing.T) {
	content := strings.Repeat("0123456789", 10_000)
	reactortest.Run(t, func(r *reactor.Reactor) {
		tr := reactortest.NewStringTransport()
		s := &protocols.FileSender{Reactor: r}
		d := s.BeginFileTransfer(strings.NewReader(content), tr)
		var pull func()
		pull = func() { // the transport is always ready for more
			if tr.Producer != nil {
				before := len(tr.Value())
				s.ResumeProducing()
				var wait func()
				wait = func() {
					if tr.Producer != nil && len(tr.Value()) == before {
						r.CallLater(0, wait)
						return
					}
					pull()
				}
				wait()
			}
		}
		pull()
		d.AddBoth(func(last []byte, err error) ([]byte, error) {
			if tr.Value() != content || string(last) != "9" || err != nil {
				t.Errorf("got %d bytes, last %q, %v", len(tr.Value()), last, err)
			}
			_ = r.Stop()
			return nil, nil
		})
	})
}

func TestR466_R467_R468_R469_R470_TimeoutMixin(t *testing.T) {
	clock := reactortest.NewClock()
	expired := 0
	m := &protocols.TimeoutMixin{Clock: clock, TimeoutConnection: func() { expired++ }}
	m.ResetTimeout() // without a timeout it does nothing
	if old := m.SetTimeout(10); old != 0 {
		t.Errorf("before: %v", old)
	}
	clock.Advance(9)
	m.ResetTimeout()
	clock.Advance(9)
	if old := m.SetTimeout(5); old != 10 || expired != 0 {
		t.Errorf("before: %v; expired %d", old, expired)
	}
	clock.Advance(5)
	clock.Advance(100)
	if expired != 1 {
		t.Errorf("expired %d times", expired)
	}
	m.ResetTimeout()
	if old := m.SetTimeout(0); old != 5 { // the period stays after it has expired
		t.Errorf("before: %v", old)
	}
	m.SetTimeout(7)
	_ = clock.GetDelayedCalls()[0].Cancel() // elsewhere
	m.SetTimeout(0)
	clock.Advance(100)
	if expired != 1 || len(clock.GetDelayedCalls()) > 0 {
		t.Errorf("expired %d times", expired)
	}
}

func TestR468_F49_TheDefaultActionIsLoseConnection(t *testing.T) {
	clock := reactortest.NewClock()
	p := new(int8Notes)
	tr := connect(p)
	m := &protocols.TimeoutMixin{Clock: clock, Protocol: p}
	m.SetTimeout(10)
	clock.Advance(9)
	if tr.Disconnecting() {
		t.Error("closed too early")
	}
	clock.Advance(1)
	if !tr.Disconnecting() || tr.Disconnected() {
		t.Errorf("disconnecting %v, aborted %v", tr.Disconnecting(), tr.Disconnected())
	}
	if old := m.SetTimeout(-1); old != 10 { // R468: the period stays
		t.Errorf("before: %v", old)
	}
	if old := m.SetTimeout(0); old != 0 {
		t.Errorf("before: %v", old)
	}
}

func TestF49_NilArguments(t *testing.T) {
	clock := reactortest.NewClock()
	var nilReactor *reactor.Reactor
	var nilFile *strings.Reader
	var nilTransport *reactortest.StringTransport
	s := new(protocols.FileSender)
	for want, f := range map[string]func(){
		"BeginFileTransfer: nil file":        func() { s.BeginFileTransfer(nil, connect(new(int8Notes))) },
		"BeginFileTransfer: nil file; ":      func() { s.BeginFileTransfer(nilFile, connect(new(int8Notes))) },
		"BeginFileTransfer: nil consumer":    func() { s.BeginFileTransfer(strings.NewReader(""), nil) },
		"BeginFileTransfer: nil consumer; ":  func() { s.BeginFileTransfer(strings.NewReader(""), nilTransport) },
		"TimeoutMixin.SetTimeout: nil Clock": func() { new(protocols.TimeoutMixin).SetTimeout(1) },
		"TimeoutMixin.SetTimeout: nil Clock; ": func() {
			(&protocols.TimeoutMixin{Clock: nilReactor, TimeoutConnection: func() {}}).SetTimeout(1)
		},
		"TimeoutMixin.SetTimeout: Protocol and": func() { (&protocols.TimeoutMixin{Clock: clock}).SetTimeout(1) },
	} {
		wantPanicOf(t, want, f)
	}
	new(protocols.TimeoutMixin).SetTimeout(0) // nothing to end
	if len(clock.GetDelayedCalls()) > 0 {
		t.Error("a call is left")
	}
}

// The largest limits there are do not overflow.
func TestR443_R451_TheLargestLimit(t *testing.T) {
	for _, row := range []struct {
		p    reactor.Protocol
		wire string
	}{
		{&netNotes{NetstringReceiver: protocols.NetstringReceiver{MaxLength: math.MaxInt}}, fmt.Sprintf("%d:some", math.MaxInt)},
		{&int32Notes{Int32StringReceiver: protocols.Int32StringReceiver{MaxLength: math.MaxInt}}, "\xff\xff\xff\xfesome"},
		{&liner{LineReceiver: protocols.LineReceiver{MaxLength: math.MaxInt}}, "some"},
	} {
		tr := connect(row.p)
		row.p.DataReceived([]byte(row.wire))
		if tr.Disconnecting() {
			t.Errorf("%T has closed the connection", row.p)
		}
	}
	p := &netNotes{NetstringReceiver: protocols.NetstringReceiver{MaxLength: math.MaxInt}}
	connect(p)
	p.DataReceived(fmt.Appendf(nil, "%d0", math.MaxInt))
	if !p.Broken() {
		t.Error("a length that does not fit into an int was accepted")
	}
}

func FuzzNetstringReceiver(f *testing.F) {
	f.Add([]byte("3:one,0:,"), uint8(0))
	f.Add([]byte("01:x,"), uint8(1))
	f.Add([]byte("99999999:"), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, cut := new(netNotes), new(netNotes)
		connect(whole)
		connect(cut)
		whole.DataReceived(data)
		feed(cut, string(data), int(size)+1)
		want(t, cut.got, whole.got...)
		if cut.Broken() != whole.Broken() {
			t.Errorf("broken: %v in one piece, %v in many", whole.Broken(), cut.Broken())
		}
	})
}

func FuzzInt16StringReceiver(f *testing.F) {
	f.Add([]byte("\x00\x03one\x00\x00"), uint8(0))
	f.Add([]byte("\xff\xff"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, cut := new(int16Notes), new(int16Notes)
		whole.MaxLength, cut.MaxLength = 1000, 1000
		connect(whole)
		connect(cut)
		whole.DataReceived(data)
		feed(cut, string(data), int(size)+1)
		want(t, cut.got, whole.got...)
		if len(cut.Unprocessed()) > 1002 {
			t.Errorf("%d bytes are kept", len(cut.Unprocessed()))
		}
	})
}
