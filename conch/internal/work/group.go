// Package work runs blocking calls beside the reactor: a [Group] counts the
// goroutines that belong to one owner, a [Queue] runs functions in order on one
// of them, and a [Completion] is an event that callers on the loop wait for.
package work

import "sync"

// Group is a group of goroutines with one owner, for instance those of a
// connection. Unlike a sync.WaitGroup it may grow while someone waits for its
// end, and waiting takes no goroutine. The zero value is ready for use. Any
// goroutine may call its methods.
type Group struct {
	// Parent is a larger group that counts these goroutines too; may be nil.
	Parent *Group

	mu   sync.Mutex // guards the following
	n    int
	idle []func() // called by the last goroutine
}

// Go runs f on a new goroutine.
func (g *Group) Go(f func()) {
	g.add()
	go func() {
		defer g.done()
		f()
	}()
}

// Hold counts as a goroutine of the group until release is called. Only the first
// call of release counts.
func (g *Group) Hold() (release func()) {
	g.add()
	return sync.OnceFunc(g.done)
}

// WhenIdle calls f once the group has no goroutine: at once on the caller's
// goroutine, or later on the last one. Any number may wait.
func (g *Group) WhenIdle(f func()) {
	g.mu.Lock()
	if g.n > 0 {
		g.idle = append(g.idle, f)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	f()
}

// IsIdle reports whether the group has no goroutine.
func (g *Group) IsIdle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n == 0
}

func (g *Group) add() {
	if g.Parent != nil {
		g.Parent.add()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
}

func (g *Group) done() {
	g.mu.Lock()
	g.n--
	var idle []func()
	if g.n == 0 {
		idle, g.idle = g.idle, nil
	}
	g.mu.Unlock()
	for _, f := range idle {
		f()
	}
	if g.Parent != nil {
		g.Parent.done()
	}
}
