package sftp

import (
	"io"
	"sync/atomic"
)

// source is the reader of a PutFrom. It is not read any more after its end, where a terminal would wait for another one, nor after that of the
type source struct {
	r    io.Reader
	over atomic.Bool
}

func (s *source) Read(p []byte) (int, error) {
	if s.over.Load() {
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	if err != nil {
		s.over.Store(true)
	}
	return n, err
}

// Close makes what is still to be read nothing.
func (s *source) Close() error {
	s.over.Store(true)
	return nil
}
