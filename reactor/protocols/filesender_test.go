package protocols_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// gatedReader reads one piece after another once the gate is open.
type gatedReader struct {
	left int
	gate chan struct{}
}

func (r *gatedReader) Read(p []byte) (int, error) {
	<-r.gate
	if r.left--; r.left < 0 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = byte('0' + r.left)
	}
	return len(p), nil
}

// pumpUntil pumps a pair in each turn of the loop until d has fired.
func pumpUntil(r *reactor.Reactor, pair *reactortest.Pair, d deferred.Deferred[[]byte]) {
	if pair.Flush(); !d.Called() {
		r.CallLater(0, func() { pumpUntil(r, pair, d) })
	}
}

// A protocol may write to its transport while a file is on its way; the
// consumer, which has been given something, then asks for more although the
// thread still reads.
func TestR455_AskedAgainWhileAThreadReads(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	file := &gatedReader{left: 3, gate: make(chan struct{})}
	s := &protocols.FileSender{Reactor: r}
	client, server := new(reactortest.AccumulatingProtocol), new(reactortest.AccumulatingProtocol)
	done := make(chan error, 1)
	go func() { // ends with the transfer
		_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[[]byte] {
			pair := reactortest.NewPair(client, server)
			d := s.BeginFileTransfer(file, client.Transport())
			client.Transport().Write([]byte("header"))
			pair.Flush()
			if threads := r.ThreadPool().Stats(); threads.Busy+threads.Queued != 1 {
				t.Errorf("%+v", threads)
			}
			pumpUntil(r, pair, d)
			close(file.gate)
			return d
		})
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := "header" + strings.Repeat("2", 16<<10) + strings.Repeat("1", 16<<10) + strings.Repeat("0", 16<<10)
	if got := server.Data.String(); got != want {
		t.Errorf("got %d bytes, want %d, or in another order", len(got), len(want))
	}
}

// A panic in Transform ends the transfer, also where no consumer is on the
// stack to see it.
func TestR455_TransformPanicsAfterAThread(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	tr := reactortest.NewStringTransport()
	got := make(chan error, 1)
	go func() { // ends with the transfer
		_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[[]byte] {
			s := &protocols.FileSender{Reactor: r, Transform: func([]byte) []byte { panic("in Transform") }}
			d := s.BeginFileTransfer(strings.NewReader("content"), tr)
			s.ResumeProducing()
			return d.AddTimeout(r, 10e9)
		})
		got <- err
	}()
	if p, ok := errors.AsType[*deferred.PanicError](<-got); !ok || p.Value != "in Transform" {
		t.Errorf("got %v", p)
	}
	if tr.Producer != nil {
		t.Error("still registered")
	}
}

// Cancelling a transfer ends it: nothing more is read or sent.
func TestR456_CancelATransfer(t *testing.T) {
	client, server := new(reactortest.AccumulatingProtocol), new(reactortest.AccumulatingProtocol)
	pair := reactortest.NewPair(client, server)
	pair.Chunk = 1 << 10
	s := new(protocols.FileSender)
	file := strings.NewReader(strings.Repeat("0123456789", 10_000))
	d := s.BeginFileTransfer(file, client.Transport())
	pair.Pump()
	d.Cancel()
	if _, err, _ := d.Result(); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	d.AddErrback(func(error) ([]byte, error) { return nil, nil })
	pair.Flush()
	if server.Data.Len() != 16<<10 {
		t.Errorf("%d bytes arrived", server.Data.Len())
	}
	if err := client.Transport().RegisterProducer(client.Transport(), true); err != nil {
		t.Error(err)
	}
	_ = s.BeginFileTransfer(strings.NewReader("the next"), server.Transport()) // the sender is free
	pair.Flush()
	if client.Data.String() != "the next" {
		t.Errorf("got %q", client.Data.String())
	}
}

// A transfer that begins while a thread still reads for one that was cancelled
// gets its turn.
func TestR456_TheNextTransferAfterACancelledRead(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	got, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[string] {
		client, server := new(reactortest.AccumulatingProtocol), new(reactortest.AccumulatingProtocol)
		pair := reactortest.NewPair(client, server)
		s := &protocols.FileSender{Reactor: r}
		gate := make(chan struct{})
		s.BeginFileTransfer(&gatedReader{left: 3, gate: gate}, client.Transport()).
			AddErrback(func(error) ([]byte, error) { return nil, nil }).Cancel()
		d := s.BeginFileTransfer(strings.NewReader("the next"), client.Transport())
		close(gate)
		pumpUntil(r, pair, d)
		return deferred.Then(d, func([]byte) (string, error) {
			return server.Data.String(), nil
		}).AddTimeout(r, 10e9)
	})
	if got != "the next" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
