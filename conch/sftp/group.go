package sftp

import "github.com/hawser-go/hawser/deferred"

// group is a set of coroutines that are stopped and waited for together. It
// belongs to the loop.
type group struct {
	tasks   map[*task]struct{}
	stopped bool // no further coroutine is started
	err     error
	idle    deferred.Deferred[struct{}] // fires when no coroutine is left
	waiting bool                        // wait waits for idle
}

type task struct{ d deferred.Deferred[struct{}] }

// start runs body as a coroutine of the group. An error of body stops the group.
func (g *group) start(body func(co *deferred.Coro) error) {
	if g.stopped {
		return
	}
	if g.tasks == nil {
		g.tasks = make(map[*task]struct{})
	}
	t := new(task)
	g.tasks[t] = struct{}{}
	t.d = deferred.Inline(func(co *deferred.Coro) (struct{}, error) { return struct{}{}, body(co) })
	t.d.AddBoth(func(_ struct{}, err error) (struct{}, error) {
		g.left(t, err) // also after a panic
		return struct{}{}, nil
	})
	if g.stopped {
		t.d.Cancel()
	}
}

func (g *group) left(t *task, err error) {
	delete(g.tasks, t)
	switch {
	case err != nil && !g.stopped:
		g.stop(err)
	case g.err == nil:
		g.err = err
	}
	if len(g.tasks) == 0 && g.waiting {
		g.waiting = false
		_ = g.idle.TryCallback(struct{}{}) // it may have been cancelled
	}
}

// stop cancels the coroutines, because of err. They may take some time to end:
// each is cancelled once, and what it does after that to clean up is not.
func (g *group) stop(err error) {
	if g.err == nil {
		g.err = err
	}
	g.stopped = true
	for t := range g.tasks {
		if t.d != (deferred.Deferred[struct{}]{}) { // otherwise start cancels it
			t.d.Cancel()
		}
	}
}

// wait waits until all coroutines have ended, and returns the first error. If the
// wait is cancelled, it stops them.
func (g *group) wait(co *deferred.Coro) error {
	for len(g.tasks) > 0 {
		g.idle, g.waiting = deferred.New[struct{}](), true
		if _, err := deferred.Await(co, g.idle); err != nil {
			g.stop(err)
		}
	}
	g.stopped = true
	return g.err
}
