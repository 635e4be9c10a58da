package conch

import "sync"

// serial runs functions off the loop, one after another in the order given. It has a goroutine only while there is something to run.
type serial struct {
	mu      sync.Mutex // guards queue and running
	queue   []func()
	running bool
}

// do queues f and returns how many functions are in the queue. The goroutine, if one has to be started, joins the crew and ends when the queue is
// empty.
func (s *serial) do(w *crew, f func()) (waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, f)
	if !s.running {
		s.running = true
		w.Go(s.drain)
	}
	return len(s.queue)
}

func (s *serial) drain() {
	for f := s.next(); f != nil; f = s.next() {
		f()
	}
}

func (s *serial) next() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.running = false
		s.queue = nil
		return nil
	}
	f := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return f
}
