package reactor

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A goroutine that blocks until the loop has done something must not be the
// loop itself, which would wait forever. Such calls fail with ErrOnLoop: at
// once on the goroutine of the loop and in the body of a deferred.Inline, see
// here. Whether the loop has resumed the caller through an iter.Pull is shown
// only by the traces of all goroutines, which are expensive. So a blocked
// goroutine looks at them only when it can matter:
//
//   - While the loop sleeps, no caller is on the loop.
//   - While the loop makes progress, the loop does not wait for the caller.
//   - When the loop has stayed in one callback for the time patience, the
//     goroutines that have blocked since that callback began look.
const patience = 10 * time.Millisecond

// maxDoubts is the number of looks without an answer after which a coroutine is
// taken to be on the loop. Otherwise the loop might wait for the coroutine
// forever.
const maxDoubts = 10

// blocker is a goroutine that blocks until the loop has done something. A
// blocker selects on notice.closed, among others, and calls noticed when that
// is closed.
type blocker struct {
	r        *Reactor
	notice   *notice
	progress uint64 // of the loop, when the goroutine blocked
	offLoop  bool   // known not to be on the loop
	doubts   int    // looks that gave no answer
}

// block returns a blocker for the calling goroutine. Call block before anything
// is posted to the loop.
func (r *Reactor) block() blocker {
	b := blocker{r: r, progress: r.stall.progress.Load(), offLoop: r.queue.sleeping.Load()}
	b.expectNotice()
	return b
}

// expectNotice makes sure that a notice comes if the loop makes no progress.
func (b *blocker) expectNotice() {
	b.notice = b.r.stall.notice.Load()
	if !b.offLoop {
		b.r.watchProgress()
	}
}

// wait blocks until done is closed. wait returns the cause of ctx, ErrOnLoop or
// ErrReactorEnded if that comes first.
func (b *blocker) wait(ctx context.Context, done <-chan struct{}) error {
	if b.offLoop {
		runtime.Gosched() // a loop that has slept may answer at once, and blocking costs more
		select {
		case <-done:
			return nil
		default:
		}
	}
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			if b.onLoop(allTraces) == yes {
				return ErrOnLoop
			}
			return context.Cause(ctx)
		case <-b.notice.closed:
		}
		if err := b.noticed(); err != nil {
			select {
			case <-done: // at the last moment
				return nil
			default:
				return err
			}
		}
	}
}

// noticed is called when b.notice was closed. noticed returns ErrReactorEnded
// if the loop has ended, ErrOnLoop if the caller is on the loop, or nil if the
// caller must wait for the next notice.
func (b *blocker) noticed() error {
	if b.notice.ended.Load() {
		return ErrReactorEnded
	}
	looked := true
	switch b.onLoop(func() (t traces) { t, looked = b.r.sharedTraces(b.notice); return t }) {
	case yes:
		return ErrOnLoop
	case no:
		b.offLoop = true
	case unknown:
		if looked {
			b.doubts++
		}
		if b.doubts >= maxDoubts {
			return ErrOnLoop
		}
	}
	b.expectNotice()
	return nil
}

// onLoop reports whether the goroutine is on the loop.
func (b *blocker) onLoop(all func() traces) answer {
	if b.offLoop || b.r.stall.progress.Load() != b.progress {
		return no
	}
	return inCoroutineOf(b.r.loopID.Load(), all)
}

// stall finds out that the loop stays in one callback while goroutines block.
type stall struct {
	progress atomic.Uint64          // counts iterations and chunks of the queue; only the loop changes it
	notice   atomic.Pointer[notice] // the next one
	timer    *time.Timer            // calls patienceOver
	armed    atomic.Bool            // the timer runs
	seen     atomic.Uint64          // progress when the timer was started

	mu      sync.Mutex // guards resting
	resting time.Time  // no look at all goroutines before
}

// notice is closed when the loop has ended, or has made no progress for the
// time patience. The reactor replaces it then.
type notice struct {
	closed chan struct{}
	ended  atomic.Bool

	once   sync.Once
	traces traces // of all goroutines, after closed was closed
	looked bool   // traces is set
}

func newNotice() *notice { return &notice{closed: make(chan struct{})} }

func (s *stall) init(patienceOver func()) {
	s.notice.Store(newNotice())
	s.timer = time.AfterFunc(patience, patienceOver)
	s.timer.Stop()
}

// step notes that the loop is alive. Only the loop calls it.
func (s *stall) step() { s.progress.Store(s.progress.Load() + 1) }

// announce closes the present notice, and next replaces it. announce does
// nothing after the loop has ended for good.
func (s *stall) announce(ended bool, next *notice) {
	for {
		n := s.notice.Load()
		select {
		case <-n.closed:
			return
		default:
		}
		if s.notice.CompareAndSwap(n, next) {
			n.ended.Store(ended)
			close(n.closed)
			return
		}
	}
}

// end announces that the loop has ended. forGood says that Run cannot be called
// again.
func (s *stall) end(forGood bool) {
	s.timer.Stop()
	s.armed.Store(false)
	next := newNotice()
	if forGood {
		next.ended.Store(true)
		close(next.closed)
	}
	s.announce(true, next)
}

// watchProgress starts the timer of patienceOver, unless it runs.
func (r *Reactor) watchProgress() {
	s := &r.stall
	if !s.armed.Load() && s.armed.CompareAndSwap(false, true) {
		s.seen.Store(s.progress.Load())
		s.timer.Reset(patience)
	}
}

// patienceOver makes blocked goroutines look if the loop has stayed in one
// callback. patienceOver runs on a goroutine of its own.
func (r *Reactor) patienceOver() {
	s := &r.stall
	s.armed.Store(false)
	switch {
	case r.queue.sleeping.Load():
	case s.progress.Load() != s.seen.Load():
		r.watchProgress()
	default:
		s.announce(false, newNotice())
	}
}

// sharedTraces returns the traces of all goroutines, taken after n was closed.
// All goroutines that wait for n share the traces. Tracing takes at most a
// tenth of the time: if the last traces were taken too recently, ok is false.
func (r *Reactor) sharedTraces(n *notice) (t traces, ok bool) {
	n.once.Do(func() {
		s := &r.stall
		s.mu.Lock()
		defer s.mu.Unlock()
		began := time.Now()
		if began.Before(s.resting) {
			return
		}
		n.traces, n.looked = allTraces(), true
		now := time.Now()
		s.resting = now.Add(9 * now.Sub(began))
	})
	return n.traces, n.looked
}
