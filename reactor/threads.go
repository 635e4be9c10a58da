package reactor

import (
	"errors"
	"log/slog"
	"math"
	"sync"

	"github.com/gammazero/workerpool"

	"github.com/hawser-go/hawser/deferred"
)

// PoolOptions configures a ThreadPool. The zero value works.
type PoolOptions struct {
	Max      int          // maximum number of functions that run at the same time; 0 means DefaultMaxThreads
	MaxQueue int          // maximum number of functions that wait; 0 means DefaultMaxThreadQueue
	Logger   *slog.Logger // receives panics; nil means slog.Default() at the time of the message
}

var errPoolSize = errors.New("reactor: AdjustPoolSize with a size below 1")

// ThreadPool runs functions that may block. A goroutine that runs such a
// function is called a thread. At most Max functions run at the same time; the
// others wait in a bounded queue. Any goroutine may call all methods.
//
// The reactor has a pool, which Run starts and stops. Make another one for
// functions that must not wait behind those of the reactor's.
type ThreadPool struct {
	opts PoolOptions

	mu      sync.Mutex // guards the rest
	workers *workerpool.WorkerPool
	waiting []func()
	busy    int // functions that run; above opts.Max only after a reduction
	stopped bool
	retired sync.WaitGroup // for the workers that suspend has stopped
}

// PoolStats are the statistics of a ThreadPool.
type PoolStats struct {
	Max    int // functions that may run at the same time
	Busy   int // functions that run
	Queued int // functions that wait
}

// NewThreadPool returns a pool. The pool queues functions until Start is
// called.
func NewThreadPool(opts PoolOptions) *ThreadPool {
	if opts.Max <= 0 {
		opts.Max = DefaultMaxThreads
	}
	if opts.MaxQueue <= 0 {
		opts.MaxQueue = DefaultMaxThreadQueue
	}
	return &ThreadPool{opts: opts}
}

// Start starts running functions. Start does nothing on a pool that was started
// or stopped before.
func (p *ThreadPool) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil && !p.stopped {
		p.workers = workerpool.New(math.MaxInt) // ThreadPool has a bound that can change
		p.startWorkers()
	}
}

// Stop refuses further functions and waits until the running and the queued
// ones have returned. On a pool that was never started it drops the queued
// ones. Stop returns ErrThreadPoolStopped if the pool was stopped before. A
// function in the pool must not call Stop, which would wait for the function.
func (p *ThreadPool) Stop() error {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return ErrThreadPoolStopped
	}
	p.stopped = true
	workers := p.workers
	if workers == nil {
		p.waiting = nil
	}
	p.mu.Unlock()
	if workers != nil {
		workers.StopWait() // the workers also empty our queue
	}
	p.retired.Wait()
	return nil
}

// CallInThread runs f in a thread of the pool: at once if fewer than Max are
// busy, otherwise after the functions that wait. A panic in f is logged.
// CallInThread panics if f is nil.
//
// CallInThread returns ErrThreadPoolStopped or ErrThreadPoolFull if f will not
// run.
func (p *ThreadPool) CallInThread(f func()) error {
	if f == nil {
		panic(nilFunction("CallInThread"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return ErrThreadPoolStopped
	}
	if len(p.waiting) >= p.opts.MaxQueue {
		return ErrThreadPoolFull
	}
	p.waiting = append(p.waiting, f)
	p.startWorkers()
	return nil
}

// AdjustPoolSize changes how many functions may run at the same time. Running
// functions are not interrupted: after a reduction more than maximum may run
// until enough of them have returned. AdjustPoolSize panics if maximum is not
// positive.
func (p *ThreadPool) AdjustPoolSize(maximum int) {
	if maximum <= 0 {
		panic(errPoolSize)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Max = maximum
	p.startWorkers()
}

// suspend ends the workers when their present functions return. The queued
// functions wait for the next Start.
func (p *ThreadPool) suspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers != nil {
		p.retired.Go(p.workers.Stop) // ends with the last function that runs there
		p.workers = nil
	}
}

// abandon is like Stop, but does not wait. Queued functions are dropped.
func (p *ThreadPool) abandon() {
	p.suspend()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped, p.waiting = true, nil
}

// Stats returns the statistics of the pool.
func (p *ThreadPool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{Max: p.opts.Max, Busy: p.busy, Queued: len(p.waiting)}
}

// startWorkers starts workers for the functions that may run now. The lock must
// be held. While the pool stops, the busy workers empty the queue.
func (p *ThreadPool) startWorkers() {
	for p.workers != nil && !p.stopped && p.busy < p.opts.Max && len(p.waiting) > 0 {
		p.busy++
		f := p.first()
		_ = p.workers.Do(func() { p.work(f) }) // cannot fail: the workers were not stopped
	}
}

// work runs f, and then the functions that wait. The functions run on another
// goroutine: a runtime.Goexit ends that one, but must not end the worker.
func (p *ThreadPool) work(f func()) {
	for f != nil {
		ended := make(chan struct{})
		go func() { // ends with the last function, or with a runtime.Goexit
			defer close(ended)
			for f != nil {
				p.call(&f)
			}
		}()
		<-ended
	}
}

// call runs *f, logs a panic in it, and sets *f to the next function.
func (p *ThreadPool) call(f *func()) {
	defer func() {
		v := recover()
		*f = p.next()
		if v != nil {
			deferred.NewPanicError(v).Log(p.logger(), "reactor: panic in a function given to CallInThread")
		}
	}()
	(*f)()
}

// next returns the first function of the queue. If the worker must end, next
// returns nil, and the worker is no longer busy.
func (p *ThreadPool) next() (f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil || p.busy > p.opts.Max || len(p.waiting) == 0 {
		p.busy--
		return nil
	}
	return p.first()
}

// first removes the first function from the queue. The lock must be held.
func (p *ThreadPool) first() (f func()) {
	f = p.waiting[0]
	p.waiting[0] = nil // for the garbage collector
	p.waiting = p.waiting[1:]
	return f
}

func (p *ThreadPool) logger() *slog.Logger {
	if p.opts.Logger != nil {
		return p.opts.Logger
	}
	return slog.Default()
}

// ThreadPool returns the reactor's pool. Run starts it, and stops it before Run
// returns. Any goroutine may call ThreadPool.
func (r *Reactor) ThreadPool() *ThreadPool { return r.pool }

// CallInThread runs f in a thread of the reactor's pool, never on the loop. Any
// goroutine may call CallInThread. The errors are those of
// ThreadPool.CallInThread.
func (r *Reactor) CallInThread(f func()) error { return r.pool.CallInThread(f) }
