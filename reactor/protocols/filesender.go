package protocols

import (
	"errors"
	"io"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ErrConsumerStopped is the failure of a FileSender whose consumer does not want more (R456).
var ErrConsumerStopped = errors.New("protocols: the consumer stopped asking for the file")

// fileChunk is how much of a file is sent at once.
const fileChunk = 16 << 10

// FileSender sends a file to a consumer, as a pull producer, in pieces of 16 KiB (R455). It sends one file at a time.
type FileSender struct {
	// Reactor's threads read the file, so that a slow disk does not hold the loop. If it is nil, the loop reads.
	Reactor *reactor.Reactor

	// Transform, if not nil, makes of each piece what is sent.
	Transform func(piece []byte) []byte

	file     io.Reader
	consumer reactor.Consumer
	done     deferred.Deferred[[]byte]
	last     []byte // the last byte sent
	reading  bool   // a thread reads
}

// BeginFileTransfer registers the sender with the consumer and sends the file to its end. The Deferred fires after the sender is unregistered,
// with the last byte that was sent, or no byte for an empty file. It fails if reading does, or Transform panics in what a thread has read, and
// with ErrConsumerStopped. Cancelling it ends the transfer.
func (s *FileSender) BeginFileTransfer(file io.Reader, consumer reactor.Consumer) deferred.Deferred[[]byte] {
	s.file, s.consumer, s.last = file, consumer, nil
	s.done = deferred.New(func(deferred.Deferred[[]byte]) {
		consumer.UnregisterProducer()
		s.file, s.consumer = nil, nil
	})
	done := s.done
	if err := consumer.RegisterProducer(s, false); err != nil {
		s.end(err)
	}
	return done
}

// ResumeProducing is part of reactor.Producer.
func (s *FileSender) ResumeProducing() {
	if s.file == nil || s.reading {
		return // the consumer was given something else meanwhile; it asks again when it has the piece that is being read
	}
	file, done := s.file, s.done
	if s.Reactor == nil {
		s.send(readPiece(file))
		return
	}
	s.reading = true
	read := func() ([]byte, error) { return readPiece(file) }
	reactor.DeferToThread(s.Reactor, read).AddBoth(func(piece []byte, err error) ([]byte, error) {
		s.reading = false
		if s.done == done {
			s.send(piece, err)
		} else {
			s.ResumeProducing() // a transfer that has begun meanwhile was asked as well
		}
		return nil, nil
	}).AddErrback(func(err error) ([]byte, error) { // a panic in Transform
		if s.done == done {
			s.send(nil, err)
		}
		return nil, nil
	})
}

// readPiece may run in a thread.
func readPiece(file io.Reader) ([]byte, error) {
	piece := make([]byte, fileChunk)
	n, err := io.ReadFull(file, piece)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // the next read will tell
	}
	return piece[:n], err
}

// send writes a piece, or ends the transfer.
func (s *FileSender) send(piece []byte, err error) {
	if s.file == nil {
		return // it has ended meanwhile
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.consumer.UnregisterProducer()
		s.end(err)
		return
	}
	if s.Transform != nil {
		piece = s.Transform(piece)
	}
	if len(piece) == 0 {
		s.ResumeProducing() // the consumer will not ask again: it was given nothing
		return
	}
	s.last = []byte{piece[len(piece)-1]}
	s.consumer.Write(piece)
}

// StopProducing is part of reactor.Producer.
func (s *FileSender) StopProducing() {
	if s.file != nil {
		s.end(ErrConsumerStopped)
	}
}

func (s *FileSender) end(err error) {
	s.file, s.consumer = nil, nil
	if err != nil {
		s.done.Errback(err)
		return
	}
	s.done.Callback(s.last)
}
