package sftp

import (
	"io"
	"sync/atomic"
)

// source is the source of an upload. Where the end is expected it reads one byte
// ahead, so that the end is known with the last chunk. After the end, or a
// failure, it is not read any more: a terminal would wait for more input.
type source struct {
	r        io.Reader
	expected int64 // bytes that are expected before the end
	space    [1]byte
	ahead    []byte // the byte in space, if there is one
	err      error  // the result after ahead
	over     atomic.Bool
}

// fill reads n bytes into a buffer. It returns fewer only together with an error.
// The error is io.EOF if nothing follows.
func (s *source) fill(b *buffer, n int) (got int, err error) {
	got = copy(b.data()[:n], s.ahead)
	s.ahead = nil
	for got < n && s.err == nil {
		got += s.read(b.data()[got:n])
	}
	s.expected -= int64(got)
	for s.expected <= 0 && s.ahead == nil && s.err == nil {
		if n := s.read(s.space[:]); n > 0 {
			s.ahead = s.space[:]
		}
	}
	if s.ahead != nil {
		return got, nil
	}
	return got, s.err
}

func (s *source) read(p []byte) (n int) {
	if s.over.Load() {
		s.err = io.EOF
		return 0
	}
	n, s.err = s.r.Read(p)
	return n
}

// stop makes what is still to be read nothing. Any goroutine may call stop.
func (s *source) stop() { s.over.Store(true) }
