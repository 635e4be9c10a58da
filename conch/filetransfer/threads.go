package filetransfer

import (
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	// maxThreads is the number of threads that one session uses at most.
	maxThreads = 4

	// stuckAfter is the time after which a session uses another thread: no
	// operation has ended for so long, and others wait.
	stuckAfter = time.Millisecond

	// maxRuns is the number of operations after which a thread lets the other
	// users of the pool go first.
	maxRuns = 64
)

// threads runs the operations of one session in threads of the reactor's pool.
// Usually one thread is enough: it takes one operation after another, and the
// loop receives the results of several at once. When an operation takes long,
// another thread takes those that wait.
type threads struct {
	r       *reactor.Reactor
	ticking bool   // tick is scheduled; belongs to the loop
	seen    uint64 // runs at the last tick; belongs to the loop

	mu      sync.Mutex // guards the following
	ready   []*lane    // that have an operation to run, oldest first
	workers int        // threads in use
	runs    uint64     // operations that have ended
	done    []job      // that have ended, for the loop
}

// job is an operation and its Deferred.
type job interface {
	run()           // in a thread
	complete()      // on the loop, after run or fail
	fail(err error) // instead of run
	mustRun() bool  // on the loop, if no thread can run it
}

// lane is a line of operations that run one after another.
type lane struct {
	jobs   []job // guarded by threads.mu; those that do not run
	active bool  // guarded by threads.mu; in threads.ready, or an operation runs
}

// add adds an operation to a lane.
func (t *threads) add(l *lane, j job) {
	t.mu.Lock()
	l.jobs = append(l.jobs, j)
	if !l.active {
		l.active = true
		t.ready = append(t.ready, l)
	}
	start := t.workers == 0
	if start {
		t.workers++
	}
	t.mu.Unlock()
	if start {
		t.start()
	}
	if !t.ticking {
		t.ticking = true
		t.r.CallLater(stuckAfter, t.tick)
	}
}

// start uses another thread. The caller has counted it.
func (t *threads) start() {
	if err := t.r.CallInThread(t.work); err != nil {
		t.refused(err)
	}
}

// refused fails the operations that wait, if no thread can run them, because
// the reactor stops or its pool is full. Only files are closed.
func (t *threads) refused(err error) {
	t.mu.Lock()
	t.workers--
	if t.workers > 0 {
		t.mu.Unlock()
		return
	}
	var failed []job
	for _, l := range t.ready {
		failed = append(failed, l.jobs...)
		l.jobs, l.active = nil, false
	}
	t.ready = nil
	t.mu.Unlock()
	for _, j := range failed {
		if j.mustRun() {
			j.run() // closing does not take long
		} else {
			j.fail(err)
		}
		t.ended(j)
	}
}

// tick starts another thread if the operations that wait are stuck.
func (t *threads) tick() {
	t.mu.Lock()
	start := len(t.ready) > 0 && t.runs == t.seen && t.workers < maxThreads
	if start {
		t.workers++
	}
	t.seen = t.runs
	t.ticking = t.workers > 0
	t.mu.Unlock()
	if start {
		t.start()
	}
	if t.ticking {
		t.r.CallLater(stuckAfter, t.tick)
	}
}

// work runs operations in a thread until none is left.
func (t *threads) work() {
	var l *lane
	var j job
	defer func() {
		if j != nil { // it called runtime.Goexit, which ends this goroutine
			t.ran(l, j)
			t.start()
		}
	}()
	for n := 1; ; n++ {
		if l, j = t.next(); j == nil {
			return
		}
		j.run()
		t.ran(l, j)
		j = nil
		if n%maxRuns == 0 && t.r.CallInThread(t.work) == nil {
			return
		}
	}
}

// next takes the next operation. If there is none, the thread is no longer in
// use.
func (t *threads) next() (*lane, job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ready) == 0 {
		t.workers--
		t.ready = nil
		return nil, nil
	}
	l := t.ready[0]
	t.ready[0] = nil
	t.ready = t.ready[1:]
	j := l.jobs[0]
	l.jobs[0] = nil
	l.jobs = l.jobs[1:]
	return l, j
}

// ran puts the lane back and passes the operation to the loop.
func (t *threads) ran(l *lane, j job) {
	t.mu.Lock()
	t.runs++
	if l.active = len(l.jobs) > 0; l.active {
		t.ready = append(t.ready, l)
	} else {
		l.jobs = nil
	}
	t.mu.Unlock()
	t.ended(j)
}

func (t *threads) ended(j job) {
	t.mu.Lock()
	t.done = append(t.done, j)
	first := len(t.done) == 1
	t.mu.Unlock()
	if first {
		t.r.CallFromThread(t.deliver)
	}
}

// deliver fires the Deferreds of the operations that have ended.
func (t *threads) deliver() {
	t.mu.Lock()
	done := t.done
	t.done = nil
	t.mu.Unlock()
	for _, j := range done {
		j.complete()
	}
}

// task is a job with a result of type T.
type task[T any] struct {
	f         func() (T, error)
	d         deferred.Deferred[T]
	v         T
	err       error
	cancelled bool
	closes    bool      // closes something
	dropped   func(v T) // receives the value if the Deferred was cancelled; may be nil
}

func (k *task[T]) run() {
	k.err = deferred.ErrGoexit
	if err := hook.Call(func() { k.v, k.err = k.f() }); err != nil {
		k.err = err
	}
}

func (k *task[T]) mustRun() bool { return k.closes }

func (k *task[T]) fail(err error) { k.err = err }

func (k *task[T]) complete() {
	switch {
	case k.cancelled:
		if k.err == nil && k.dropped != nil {
			k.dropped(k.v)
		}
	case k.err != nil:
		k.d.Errback(k.err)
	default:
		k.d.Callback(k.v)
	}
}

// closeInThread is inThread for functions that close something.
func closeInThread(t *threads, l *lane, f func() error) deferred.Deferred[deferred.Void] {
	k := &task[deferred.Void]{f: void(f), closes: true, d: deferred.New[deferred.Void]()}
	t.add(l, k)
	return k.d
}

// inThread runs f in a lane; a nil lane is one of its own. A Deferred that is
// cancelled does not stop f; its value is passed to dropped, which may be nil.
func inThread[T any](t *threads, l *lane, f func() (T, error), dropped func(v T)) deferred.Deferred[T] {
	if l == nil {
		l = new(lane)
	}
	k := &task[T]{f: f, dropped: dropped}
	k.d = deferred.New(func(deferred.Deferred[T]) { k.cancelled = true })
	t.add(l, k)
	return k.d
}
