package remote

import (
	"os"

	"github.com/hawser-go/hawser/conch/internal/drain"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// far is the far end of the standard streams: a session, or a connection of -W.
type far interface {
	reactor.Transport
	reactor.HalfCloserTransport
}

// streams are the standard input and output, connected to a far end. Standard
// error is separate. Each end slows the other one down.
type streams struct {
	reactor.BaseProtocol
	far       far
	escapes   *escapes                      // nil without a terminal
	resized   func(size reactor.WindowSize) // may be nil
	outClosed func()                        // the reader of standard output has gone
	errors    *outlet                       // nil if standard error is not used
	null      *os.File                      // stands for standard input and output; may be nil
	lost      deferred.Deferred[deferred.Void]
	ended     bool // the far end has ended
}

// openStreams connects the standard streams. input is what is read; nil means
// nothing. With separate, ErrorReceived writes to standard error.
func (j *job) openStreams(s *streams, input *os.File, separate bool) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.null, s.lost = null, deferred.New[deferred.Void]()
	if input == nil || !usable(input) {
		input = null
	}
	output := j.Stdout
	if !usable(output) {
		output = null
	}
	if separate && usable(j.Stderr) {
		s.errors = &outlet{far: s.far, lost: deferred.New[deferred.Void]()}
		if _, err := j.r.StandardIO(s.errors, reactor.StandardIOOptions{Stdin: null, Stdout: j.Stderr}); err != nil {
			return err
		}
	}
	_, err = j.r.StandardIO(s, reactor.StandardIOOptions{Stdin: input, Stdout: output})
	return err
}

// usable reports whether the file is open.
func usable(f *os.File) bool {
	_, err := f.Stat()
	return err == nil
}

// ConnectionMade begins the flow control.
func (s *streams) ConnectionMade() {
	_ = s.Transport().RegisterProducer(&drain.Producer{From: s.far}, true) // there is none
	_ = s.far.RegisterProducer(stdin{s.Transport()}, true)                 // there is none
}

// DataReceived sends input.
func (s *streams) DataReceived(p []byte) {
	if s.escapes == nil {
		s.far.Write(p)
		return
	}
	s.escapes.input(p, s.far.Write)
}

// ReadConnectionLost passes on the end of the input.
func (s *streams) ReadConnectionLost() {
	s.far.UnregisterProducer()
	s.far.LoseWriteConnection()
}

// WriteConnectionLost is called when nobody reads the output any more.
func (s *streams) WriteConnectionLost() {
	if !s.ended && s.outClosed != nil {
		s.outClosed()
	}
}

// WindowChanged passes on the size of the terminal.
func (s *streams) WindowChanged(size reactor.WindowSize) {
	if s.resized != nil && !s.ended {
		s.resized(size)
	}
}

// ConnectionLost is called when all output is written.
func (s *streams) ConnectionLost(error) { s.lost.Callback(deferred.Void{}) }

// ErrorReceived writes to standard error.
func (s *streams) ErrorReceived(p []byte) {
	if s.errors != nil {
		s.errors.Transport().Write(p)
	} else if s.Transport() != nil {
		s.Transport().Write(p)
	}
}

// close disconnects the streams. The Deferred fires when all output is written.
func (s *streams) close() deferred.Deferred[deferred.Void] {
	s.ended = true
	s.far.UnregisterProducer()
	for _, t := range s.transports() {
		t.UnregisterProducer()
		t.LoseConnection()
	}
	all := s.lost
	if s.errors != nil {
		all = deferred.ThenDeferred(all, func(deferred.Void) deferred.Deferred[deferred.Void] { return s.errors.lost })
	}
	return all.Finally(func() { s.null.Close() })
}

func (s *streams) transports() []reactor.Transport {
	list := []reactor.Transport{s.Transport()}
	if s.errors != nil {
		list = append(list, s.errors.Transport())
	}
	return list
}

// outlet is standard error.
type outlet struct {
	reactor.BaseProtocol
	far  far
	lost deferred.Deferred[deferred.Void]
}

// ConnectionMade begins the flow control.
func (o *outlet) ConnectionMade() {
	_ = o.Transport().RegisterProducer(&drain.Producer{From: o.far}, true) // there is none
}

// ReadConnectionLost does nothing: there is no input.
func (o *outlet) ReadConnectionLost() {}

// WriteConnectionLost does nothing: further output is dropped.
func (o *outlet) WriteConnectionLost() {}

// ConnectionLost is called when all output is written.
func (o *outlet) ConnectionLost(error) { o.lost.Callback(deferred.Void{}) }

// stdin is standard input as the producer of the far end.
type stdin struct{ reactor.PushProducer }

// StopProducing does nothing: input that is not read is left to the next program.
func (stdin) StopProducing() {}
