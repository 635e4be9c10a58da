package deferred_test

import (
	"runtime"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestD273toD275_Lock(t *testing.T) {
	tr, l := newTrace(t), new(deferred.Lock)
	if got := deferredtest.SuccessResultOf(t, l.Acquire()); got != l || !l.Locked() {
		t.Errorf("got %v, locked %v", got, l.Locked())
	}
	for _, name := range []string{"a", "b"} {
		l.Acquire().AddCallback(func(l *deferred.Lock) (*deferred.Lock, error) {
			tr.add("%s, locked %v", name, l.Locked())
			return l, nil
		})
	}
	tr.want()
	l.Release()
	tr.want("a, locked true")
	l.Release()
	tr.want("b, locked true")
	l.Release()
	if l.Locked() {
		t.Error("still locked")
	}
}

func TestD276D288_ReleaseWithoutAcquire(t *testing.T) {
	wantPanic(t, deferred.ErrNotHeld, new(deferred.Lock).Release)
	s := deferred.NewSemaphore(2)
	wantPanic(t, deferred.ErrNotHeld, s.Release)
	s.Acquire()
	s.Release()
	wantPanic(t, deferred.ErrNotHeld, s.Release)
}

// limiters are the two things that Run can hold, and what tells whether it is
// held.
func limiters() map[string]struct {
	deferred.Limiter
	held func() bool
} {
	l, s := new(deferred.Lock), deferred.NewSemaphore(1)
	return map[string]struct {
		deferred.Limiter
		held func() bool
	}{
		"lock":      {l, l.Locked},
		"semaphore": {s, func() bool { return s.Tokens() == 0 }},
	}
}

func TestD277D278D289_Run(t *testing.T) {
	for name, l := range limiters() {
		t.Run(name, func(t *testing.T) {
			work := deferred.New[int]()
			d := deferred.Run(l, func() deferred.Deferred[int] { return work })
			queued := deferred.Run(l, func() deferred.Deferred[int] { return deferred.Fail[int](errBoom) })
			panics := deferred.Run(l, func() deferred.Deferred[int] { panic(errOther) })
			if !l.held() || queued.Called() {
				t.Error("not held")
			}
			work.Callback(5)
			wantResult(t, d, 5)
			wantFailure(t, queued, errBoom)
			wantFailure(t, panics, errOther)
			if l.held() {
				t.Error("still held")
			}
		})
	}
}

func TestD280_CancelARun(t *testing.T) {
	for name, l := range limiters() {
		t.Run(name, func(t *testing.T) {
			work := deferred.New[int]()
			d := deferred.Run(l, func() deferred.Deferred[int] { return work })
			queued := deferred.Run(l, func() deferred.Deferred[int] { t.Error("ran"); return work })
			queued.Cancel()
			wantFailure(t, queued, deferred.ErrCancelled)
			d.Cancel()
			if !work.Called() || l.held() {
				t.Errorf("%v, held %v", work, l.held())
			}
			wantFailure(t, d, deferred.ErrCancelled)
		})
	}
}

func TestD281D282D290D291_CancelAnAcquire(t *testing.T) {
	l, s := new(deferred.Lock), deferred.NewSemaphore(1)
	held, queued, next := l.Acquire(), l.Acquire(), l.Acquire()
	held.Cancel()
	queued.Cancel()
	wantFailure(t, queued, deferred.ErrCancelled)
	if !l.Locked() || next.Called() {
		t.Error("the lock moved")
	}
	l.Release()
	wantResult(t, next, l)

	heldS, queuedS, nextS := s.Acquire(), s.Acquire(), s.Acquire()
	heldS.Cancel()
	queuedS.Cancel()
	wantFailure(t, queuedS, deferred.ErrCancelled)
	s.Release()
	wantResult(t, nextS, s)
}

func TestD283D292_HeldInACoroutine(t *testing.T) {
	l, s := new(deferred.Lock), deferred.NewSemaphore(2)
	work := deferred.New[int]()
	d := deferred.Inline(func(co *deferred.Coro) (int, error) {
		if _, err := deferred.Await(co, l.Acquire()); err != nil {
			return 0, err
		}
		defer l.Release()
		for range 2 { // nested
			if _, err := deferred.Await(co, s.Acquire()); err != nil {
				return 0, err
			}
			defer s.Release()
		}
		return deferred.Await(co, work)
	})
	if !l.Locked() || s.Tokens() != 0 {
		t.Errorf("locked %v, %d tokens", l.Locked(), s.Tokens())
	}
	work.Errback(errBoom)
	if l.Locked() || s.Tokens() != 2 {
		t.Errorf("locked %v, %d tokens", l.Locked(), s.Tokens())
	}
	wantFailure(t, d, errBoom)
}

func TestD284_ManyQueuedRuns(t *testing.T) {
	const n = 100_000
	for name, l := range limiters() {
		t.Run(name, func(t *testing.T) {
			gate, ran := deferred.New[int](), 0
			deferred.Run(l, func() deferred.Deferred[int] { return gate })
			var depths [2]int
			for i := range n {
				d := deferred.Run(l, func() deferred.Deferred[int] {
					ran++
					return deferred.Succeed(i)
				})
				if i == 1 || i == n-1 {
					d.AddCallback(func(v int) (int, error) {
						depths[min(i-1, 1)] = runtime.Callers(0, make([]uintptr, 1000))
						return v, nil
					})
				}
			}
			gate.Callback(0)
			if ran != n || l.held() || depths[0] != depths[1] {
				t.Errorf("%d ran, held %v, %v frames", ran, l.held(), depths)
			}
		})
	}
}

func TestD285toD287_Semaphore(t *testing.T) {
	for _, n := range []int{0, -1} {
		wantErrorPanic(t, "at least one token", func() { deferred.NewSemaphore(n) })
	}
	s := deferred.NewSemaphore(2)
	if deferredtest.SuccessResultOf(t, s.Acquire()) != s || s.Tokens() != 1 {
		t.Errorf("%d tokens", s.Tokens())
	}
	deferredtest.SuccessResultOf(t, s.Acquire())
	third := s.Acquire()
	deferredtest.AssertNoResult(t, third)
	s.Release()
	wantResult(t, third, s)
	s.Release()
	s.Release()
	if s.Tokens() != 2 {
		t.Errorf("%d tokens", s.Tokens())
	}
}
