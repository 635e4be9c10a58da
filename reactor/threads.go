package reactor

import (
	"log/slog"
	"sync"

	"github.com/gammazero/workerpool"

	"github.com/hawser-go/hawser/deferred"
)

// PoolOptions configures a ThreadPool. The zero value works.
type PoolOptions struct {
	Max      int          // functions that run at the same time; 0 means DefaultMaxThreads
	MaxQueue int          // functions that wait; 0 means DefaultMaxThreadQueue
	Logger   *slog.Logger // gets the panics; nil means slog's default
}

// ThreadPool runs functions that may block on goroutines of its own, a bounded number at a time; the others wait in a bounded queue. Workers
// come with the work and leave when there is none. All methods may be called from any goroutine.
//
// The reactor's own pool is started and stopped by Run. Others are for work that must not wait behind the reactor's.
type ThreadPool struct {
	opts PoolOptions

	mu      sync.Mutex // guards the rest
	workers *workerpool.WorkerPool
	waiting []func()
	busy    int
	stopped bool
	retired sync.WaitGroup // workers that AdjustPoolSize replaced
}

// PoolStats are the figures of a ThreadPool (R91).
type PoolStats struct {
	Max    int // functions that may run at the same time
	Busy   int // functions that run
	Queued int // functions that wait
}

// NewThreadPool returns a pool that keeps what it is given until Start.
func NewThreadPool(opts PoolOptions) *ThreadPool {
	if opts.Max <= 0 {
		opts.Max = DefaultMaxThreads
	}
	if opts.MaxQueue <= 0 {
		opts.MaxQueue = DefaultMaxThreadQueue
	}
	return &ThreadPool{opts: opts}
}

// Start begins with the work (R89). On a pool that was started or stopped it does nothing.
func (p *ThreadPool) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil && !p.stopped {
		p.employ()
	}
}

// Stop refuses further work and waits until what runs and what waits is done (R92); on a pool that was never started it drops what waits
// (R93). It returns ErrThreadPoolStopped if the pool was stopped before (R96). It must not be called by a function in the pool.
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
		workers.StopWait()
	}
	p.retired.Wait()
	return nil
}

// CallInThread runs f on a goroutine of the pool: at once if fewer than Max are busy, else in its turn (R88). A panic in f is logged (R98).
// It returns ErrThreadPoolStopped (R94) or ErrThreadPoolFull if f will not be run. It panics if f is nil.
func (p *ThreadPool) CallInThread(f func()) error {
	if f == nil {
		panic("reactor: CallInThread with a nil function")
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
	if p.workers == nil {
		return nil
	}
	return p.workers.Do(p.work)
}

// AdjustPoolSize changes how many functions may run at the same time (R90). Functions that run are not disturbed, so after a reduction
// there may be more for a while. It panics if the number is not positive.
func (p *ThreadPool) AdjustPoolSize(maximum int) {
	if maximum <= 0 {
		panic("reactor: a thread pool needs at least one thread")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Max = maximum
	if p.workers == nil || p.stopped {
		return
	}
	old := p.workers
	p.retired.Go(old.Stop) // ends with the last function that runs there
	p.employ()
}

// suspend lets the workers go. What waits keeps waiting for the next Start.
func (p *ThreadPool) suspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers != nil {
		p.retired.Go(p.workers.Stop) // ends with the last function that runs there
		p.workers = nil
	}
}

// abandon is Stop without waiting. What waits is dropped.
func (p *ThreadPool) abandon() {
	p.suspend()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped, p.waiting = true, nil
}

// Stats returns the figures of the pool.
func (p *ThreadPool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{Max: p.opts.Max, Busy: p.busy, Queued: len(p.waiting)}
}

// employ takes on workers, and gives them a note for each function that waits: a note says that there is one, not which.
func (p *ThreadPool) employ() {
	p.workers = workerpool.New(p.opts.Max)
	for range p.waiting {
		_ = p.workers.Do(p.work) // cannot fail: nobody has stopped them
	}
}

// work runs the function that has waited longest, if there still is one: on a goroutine of its own, because a runtime.Goexit would end that of the
// worker, for which its pool would wait for ever.
func (p *ThreadPool) work() {
	f := p.take()
	if f == nil {
		return
	}
	ended := make(chan struct{})
	go func() { // ends with f
		defer close(ended)
		defer p.left()
		f()
	}()
	<-ended
}

func (p *ThreadPool) take() (f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return nil
	}
	f = p.waiting[0]
	p.waiting[0] = nil // the pool keeps nothing of what ran (R100)
	p.waiting = p.waiting[1:]
	p.busy++
	return f
}

// left is deferred around a function.
func (p *ThreadPool) left() {
	v := recover()
	p.mu.Lock()
	p.busy--
	p.mu.Unlock()
	if v != nil {
		deferred.NewPanicError(v).Log(p.logger(), "reactor: panic in a function given to CallInThread")
	}
}

func (p *ThreadPool) logger() *slog.Logger {
	if p.opts.Logger != nil {
		return p.opts.Logger
	}
	return slog.Default()
}

// ThreadPool returns the reactor's pool (R84). It begins with its work when the reactor runs (R83) and stops before Run returns. Any
// goroutine may call it.
func (r *Reactor) ThreadPool() *ThreadPool { return r.pool }

// SuggestThreadPoolSize changes how many functions may run in threads at the same time (R85). Any goroutine may call it.
func (r *Reactor) SuggestThreadPoolSize(maximum int) { r.pool.AdjustPoolSize(maximum) }

// CallInThread runs f on a goroutine of the reactor's pool, never on the loop (R82). Any goroutine may call it. The errors are those of
// ThreadPool.CallInThread.
func (r *Reactor) CallInThread(f func()) error { return r.pool.CallInThread(f) }
