package protocols

import (
	"errors"
	"io"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

var (
	// ErrConsumerStopped is the failure of a transfer whose consumer has
	// called StopProducing, because its connection was lost for example.
	ErrConsumerStopped = errors.New("protocols: the consumer stopped before the file was sent")

	// ErrTransferInProgress is the failure of BeginFileTransfer on a
	// FileSender that is sending another file.
	ErrTransferInProgress = errors.New("protocols: the FileSender is sending another file; " +
		"wait for its Deferred, or use a second FileSender")

	errReadCount = errors.New("protocols: the Read method of the file returned an impossible count")
)

const (
	// fileChunk is the size of a piece in bytes.
	fileChunk = 16 << 10

	// maxEmptyReads is the number of successive calls of Read without data or
	// error after which a transfer fails with io.ErrNoProgress.
	maxEmptyReads = 100
)

// FileSender sends a file to a consumer, usually a transport, as a pull
// producer. Whenever the consumer asks, a FileSender reads and writes one piece
// of 16 KiB. It sends one file at a time. The zero value is ready.
type FileSender struct {
	// Reactor, if not nil, reads the file in its thread pool. If Reactor is
	// nil, the file is read on the loop, as in Twisted, and a slow Read delays
	// all callbacks. Set Reactor for every file that can block: on slow disks,
	// pipes, sockets.
	Reactor *reactor.Reactor

	// Transform, if not nil, is called on the loop with each piece. Its
	// result, which may be empty, is sent instead.
	Transform func(piece []byte) []byte

	current *transfer // nil when no file is being sent
	sending bool      // run is on the stack
	reading bool      // a thread reads, for current or for an earlier transfer
}

var _ reactor.Producer = (*FileSender)(nil)

// transfer is one file on its way.
type transfer struct {
	file     io.Reader
	consumer reactor.Consumer
	done     deferred.Deferred[[]byte]
	last     []byte // the last byte sent
	asked    bool   // the consumer waits for a piece
	err      error  // why no further piece can be read; io.EOF at the end
}

// piece is the result of reading: data, followed by an error if there is one.
type piece struct {
	data []byte
	err  error
}

// BeginFileTransfer registers the FileSender with the consumer and sends the
// file up to io.EOF. BeginFileTransfer must be called on the loop, and panics
// if an argument is nil.
//
// The Deferred fires after the FileSender is unregistered. Its value is the
// last byte sent, or empty if none was. The Deferred fails with
//
//   - the error of file.Read, after all data read has been sent
//   - io.ErrNoProgress if Read returns no data and no error many times
//   - a *deferred.PanicError if Read, Transform or the consumer's Write panics
//   - ErrConsumerStopped, or the error of RegisterProducer
//   - ErrTransferInProgress if the FileSender is sending another file, which
//     is not affected
//   - an error of [reactor.DeferToThread]
//
// Cancelling the Deferred ends the transfer. A thread may still be in file.Read
// then; the next transfer waits for that Read.
func (s *FileSender) BeginFileTransfer(file io.Reader, consumer reactor.Consumer) deferred.Deferred[[]byte] {
	arg.NotNil("protocols: FileSender.BeginFileTransfer", "file", file)
	arg.NotNil("protocols: FileSender.BeginFileTransfer", "consumer", consumer)
	if s.current != nil {
		return deferred.Fail[[]byte](ErrTransferInProgress)
	}
	t := &transfer{file: file, consumer: consumer}
	t.done = deferred.New(func(deferred.Deferred[[]byte]) { s.detach() })
	s.current = t
	registered := false
	defer func() {
		if !registered { // RegisterProducer has panicked
			s.current = nil
		}
	}()
	err := consumer.RegisterProducer(s, false)
	registered = true
	if err != nil && s.current == t {
		s.current = nil
		t.done.Errback(err)
	}
	return t.done
}

// ResumeProducing sends the next piece. Only the consumer calls
// ResumeProducing, also inside Write.
func (s *FileSender) ResumeProducing() {
	if s.current != nil {
		s.current.asked = true
		s.run()
	}
}

// StopProducing ends the transfer with ErrConsumerStopped. Only the consumer
// calls StopProducing, after forgetting the producer.
func (s *FileSender) StopProducing() {
	if t := s.current; t != nil {
		s.current = nil
		t.done.Errback(ErrConsumerStopped)
	}
}

// run sends pieces while the consumer waits for one. Calls are never nested: a
// consumer that asks inside Write, and a callback that begins the next
// transfer, are served by the loop of the call in progress.
func (s *FileSender) run() {
	if s.sending {
		return
	}
	s.sending = true
	defer func() { s.sending = false }()
	for s.current != nil && s.current.asked && !s.reading {
		s.step(s.current)
	}
}

// step reads and sends one piece, or ends the transfer.
func (s *FileSender) step(t *transfer) {
	t.asked = false
	switch {
	case t.err != nil:
		s.end(t.err)
	case s.Reactor == nil:
		s.send(t, readPiece(t.file))
	default:
		s.readInThread(t)
	}
}

func (s *FileSender) readInThread(t *transfer) {
	s.reading = true
	d := reactor.DeferToThread(s.Reactor, func() (piece, error) { return readPiece(t.file), nil })
	d.OnResult(func(p piece, err error) {
		s.reading = false
		if err != nil {
			p.err = err // the thread pool has not run the function
		}
		if s.current == t {
			s.send(t, p)
		}
		s.run() // also for a transfer that has begun meanwhile
	})
}

// readPiece reads until the piece is full or Read fails. A panic of Read is an
// error of the piece. readPiece may run in a thread.
func readPiece(file io.Reader) (p piece) {
	buf := make([]byte, fileChunk)
	defer func() {
		if v := recover(); v != nil {
			p.err = deferred.NewPanicError(v)
		}
	}()
	for empty := 0; len(p.data) < len(buf) && p.err == nil; empty++ {
		n, err := file.Read(buf[len(p.data):])
		switch {
		case n < 0 || n > len(buf)-len(p.data):
			err = errReadCount
		case n > 0:
			empty = 0
			p.data = buf[:len(p.data)+n]
		case err == nil && empty == maxEmptyReads:
			err = io.ErrNoProgress
		}
		p.err = err
	}
	return p
}

// send writes a piece. If the piece is empty, the next step follows at once,
// because a consumer that has received nothing does not ask again.
func (s *FileSender) send(t *transfer, p piece) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(t, v)
		}
	}()
	t.err = p.err
	data := p.data
	if s.Transform != nil && len(data) > 0 {
		data = s.Transform(data)
	}
	if s.current != t {
		return // Transform has ended the transfer
	}
	if len(data) == 0 {
		t.asked = true
		return
	}
	t.last = []byte{data[len(data)-1]}
	t.consumer.Write(data)
}

// panicked ends the transfer because Transform or Write has panicked. If the
// transfer has ended before, the panic continues.
func (s *FileSender) panicked(t *transfer, v any) {
	err := deferred.NewPanicError(v)
	if s.current != t {
		panic(err)
	}
	s.end(err)
}

// end unregisters the FileSender and fires the Deferred.
func (s *FileSender) end(err error) {
	t := s.current
	s.detach()
	if err == io.EOF {
		t.done.Callback(t.last)
		return
	}
	t.done.Errback(err)
}

func (s *FileSender) detach() {
	t := s.current
	s.current = nil
	t.consumer.UnregisterProducer()
}
