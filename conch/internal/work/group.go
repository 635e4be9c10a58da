package conch

import "sync"

// crew is a group of goroutines, for instance those of a connection. Unlike a sync.WaitGroup it may grow while somebody waits for its end, and
// nobody needs a goroutine to wait.
type crew struct {
	of   *crew      // the larger crew that this one is part of, or nil
	mu   sync.Mutex // guards n and idle
	n    int
	idle []func() // called by the last goroutine
}

// Go starts f on a goroutine.
func (w *crew) Go(f func()) {
	w.join()
	go func() {
		defer w.leave()
		f()
	}()
}

// whenIdle calls f once, off the loop or at once, when the crew has no goroutine. Any number may wait.
func (w *crew) whenIdle(f func()) {
	w.mu.Lock()
	if w.n > 0 {
		w.idle = append(w.idle, f)
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	f()
}

func (w *crew) isIdle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n == 0
}

func (w *crew) join() {
	if w.of != nil {
		w.of.join()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
}

func (w *crew) leave() {
	w.mu.Lock()
	w.n--
	var idle []func()
	if w.n == 0 {
		idle, w.idle = w.idle, nil
	}
	w.mu.Unlock()
	for _, f := range idle {
		f()
	}
	if w.of != nil {
		w.of.leave()
	}
}
