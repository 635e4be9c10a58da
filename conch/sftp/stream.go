package sftp

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// stream passes the chunks of a reader to a goroutine, the consumer.
type stream struct {
	f    *File
	most int // maximum number of chunks in advance; 0 means no limit

	// The following belong to the loop.
	job     *job
	reader  *reader
	stripes *striping

	// The following belong to the consumer.
	chunk chunk

	wake    chan struct{} // has a value after a change of the following
	mu      sync.Mutex    // guards the following
	chunks  []chunk
	err     error // after the chunks; io.EOF at the end of the file
	stopped bool  // nobody wants chunks any more
}

// start starts the reader, on the loop.
func (s *stream) start(offset, planned int64, attrs filetransfer.Attrs) {
	s.job = s.f.c.session.newJob("get", Options{})
	s.reader = newReader(s.job.s.loop, s.job.lease, offset, planned, s.deliver)
	s.reader.window = min(s.most, 2)
	s.reader.ended = s.ended
	if s.most == 0 && s.f.h.flags == filetransfer.FXFRead {
		s.stripes = s.job.stripe(&s.reader.pipeline, s.job.channels[0], func(co *deferred.Coro, l *channel) (*filetransfer.ClientFile, error) {
			return openSame(co, l, s.f.name, versionOfAttrs(attrs))
		})
		s.job.spread(planned - offset)
	}
	s.reader.add(s.f.h.file)
	if s.stripes != nil {
		s.stripes.begin()
	}
}

// deliver takes a chunk from the reader.
func (s *stream) deliver(c chunk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		c.b.release()
		return
	}
	s.chunks = append(s.chunks, c)
	s.signal()
}

// ended is called when the reader has ended.
func (s *stream) ended() {
	if s.stripes != nil {
		s.stripes.drop()
	}
	s.job.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = s.reader.err; s.err == nil {
		s.err = io.EOF
	}
	s.signal()
}

func (s *stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next returns the data of the next chunk, or the reason why there is none. The
// consumer calls used when it has used the data.
func (s *stream) next(ctx context.Context) ([]byte, error) {
	for {
		s.mu.Lock()
		err := s.err
		if len(s.chunks) > 0 {
			s.chunk, s.chunks = s.chunks[0], s.chunks[1:]
			s.mu.Unlock()
			return s.chunk.b.data()[:s.chunk.n], nil
		}
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.f.c.session.r.Context().Done():
			return nil, reactor.ErrReactorEnded
		}
	}
}

// used frees the chunk from next.
func (s *stream) used() {
	c := s.chunk
	s.chunk = chunk{}
	c.b.release()
	s.f.c.post(func() {
		s.reader.window = min(2*s.reader.window, s.most)
		s.reader.credit(c)
	})
}

// stop drops the data, and makes the reader stop.
func (s *stream) stop() {
	if s.chunk.b != nil {
		s.chunk.b.release()
		s.chunk = chunk{}
	}
	s.mu.Lock()
	s.stopped = true
	chunks := s.chunks
	s.chunks = nil
	s.mu.Unlock()
	for _, c := range chunks {
		c.b.release()
	}
	s.f.c.post(func() { s.reader.stop(fs.ErrClosed) })
}
