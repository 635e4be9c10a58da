package work

import "sync"

// Queue runs functions one after another in the order given. It has a goroutine
// only while there is something to run. The zero value is ready for use. Any
// goroutine may call its methods.
type Queue struct {
	mu      sync.Mutex // guards the following
	queue   []func()
	running bool
}

// Do adds f to the queue and returns how many functions wait in it. If a
// goroutine has to be started, it belongs to g and ends when the queue is empty.
func (q *Queue) Do(g *Group, f func()) (waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, f)
	if !q.running {
		q.running = true
		g.Go(q.drain)
	}
	return len(q.queue)
}

func (q *Queue) drain() {
	for f := q.next(); f != nil; f = q.next() {
		f()
	}
}

func (q *Queue) next() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.running = false
		q.queue = nil
		return nil
	}
	f := q.queue[0]
	q.queue[0] = nil
	q.queue = q.queue[1:]
	return f
}
