package cftp

import (
	"bytes"
	"context"
	"errors"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// outputChunk is the largest number of bytes that are written at once.
const outputChunk = 16 << 10

var errOutput = errors.New("cftp: the terminal is gone")

// output is the output of commands. Write blocks while the terminal does not
// take it. Any goroutine but the loop may call Write.
type output struct {
	d      *dialogue
	errors bool // error messages
}

func (o *output) Write(p []byte) (n int, err error) {
	for n < len(p) {
		chunk := bytes.Clone(p[n:min(n+outputChunk, len(p))])
		_, err := reactor.Await(context.Background(), o.d.r, func() deferred.Deferred[struct{}] { return o.d.screen.show(chunk, o.errors) })
		if err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}

// show writes output of a command. The Deferred fires when more is welcome. After
// Ctrl-C only errors are written.
func (s *screen) show(chunk []byte, errors bool) deferred.Deferred[struct{}] {
	if s.d.connection == nil || s.d.over {
		return deferred.Fail[struct{}](errOutput)
	}
	if s.stopped && !errors {
		return deferred.Succeed(struct{}{}) // the user does not want more of it
	}
	s.holdOutput()
	s.draw(s.d.meter.hide(s.width()))
	s.write(string(chunk))
	if !s.full {
		return deferred.Succeed(struct{}{})
	}
	more := deferred.New[struct{}]()
	s.room = append(s.room, func() { more.Callback(struct{}{}) })
	return more
}

// holdOutput makes the screen the producer of its transport, which then says
// when too much output waits.
func (s *screen) holdOutput() {
	if !s.held { // fails while the ServerProtocol is the producer
		s.held = s.d.connection.Transport().RegisterProducer((*flow)(s), true) == nil
	}
}

// releaseOutput ends holdOutput.
func (s *screen) releaseOutput() {
	if s.held && s.d.connection != nil {
		s.d.connection.Transport().UnregisterProducer()
	}
	s.held = false
	(*flow)(s).ResumeProducing()
}

// flow is the screen as a producer.
type flow screen

var _ reactor.PushProducer = (*flow)(nil)

func (f *flow) PauseProducing() { f.full = true }

func (f *flow) ResumeProducing() {
	f.full = false
	room := f.room
	f.room = nil
	for _, more := range room {
		more()
	}
}

func (f *flow) StopProducing() { f.ResumeProducing() }

// progressDone ends the line of progress.
func (d *dialogue) progressDone() {
	_, _ = reactor.Await(context.Background(), d.r, func() deferred.Deferred[struct{}] { // an error: the loop has ended
		d.screen.draw(d.meter.done())
		return deferred.Succeed(struct{}{})
	})
}

// columns returns the width of the terminal, for commands.
func (d *dialogue) columns() int {
	width, err := reactor.Await(context.Background(), d.r, func() deferred.Deferred[int] {
		return deferred.Succeed(d.screen.width())
	})
	if err != nil {
		return 80
	}
	return width
}
