package reactor_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// inPull runs f in the body of an iter.Pull, and in a second one if nested.
func inPull(nested bool, f func()) {
	body := func(yield func(none) bool) { f() }
	if nested {
		inner := body
		body = func(yield func(none) bool) { inPull(false, func() { inner(yield) }) }
	}
	next, stop := iter.Pull(body)
	defer stop()
	next()
}

func inInline(f func()) {
	deferred.Inline(func(*deferred.Coro) (none, error) { f(); return none{}, nil })
}

// places are the ways to run a function on a goroutine, or in coroutines that
// it has resumed.
var places = map[string]func(f func()){
	"directly":               func(f func()) { f() },
	"in Inline":              inInline,
	"in nested Inline":       func(f func()) { inInline(func() { inInline(f) }) },
	"in iter.Pull":           func(f func()) { inPull(false, f) },
	"in nested iter.Pull":    func(f func()) { inPull(true, f) },
	"in Inline in iter.Pull": func(f func()) { inPull(false, func() { inInline(f) }) },
	"in stop of iter.Pull": func(f func()) {
		next, stop := iter.Pull(func(yield func(none) bool) { defer f(); yield(none{}) })
		next()
		stop()
	},
	"in iter.Pull2": func(f func()) {
		next, stop := iter.Pull2(func(yield func(int, int) bool) { f() })
		defer stop()
		next()
	},
	"in an iter.Pull made elsewhere": func(f func()) {
		made := make(chan func())
		go func() { // ends at once
			next, stop := iter.Pull(func(yield func(none) bool) { f() })
			made <- func() { defer stop(); next() }
		}()
		(<-made)()
	},
}

func TestF48_R110_BlockingCallsOnTheLoop(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			r := reactortest.Start(t, reactor.Options{})
			ran := false
			await := func(ctx context.Context) error {
				_, err := reactor.Await(ctx, r, func() deferred.Deferred[int] { ran = true; return deferred.Succeed(1) })
				return err
			}
			got := make(chan error, 3)
			r.CallFromThread(func() {
				place(func() {
					got <- await(t.Context())
					got <- await(t.Context()) // again in the same callback
					got <- await(ended)
				})
			})
			for range 3 {
				wantErr(t, within(t, got), reactor.ErrOnLoop)
			}
			_ = onLoop(t, r, func() deferred.Deferred[none] { // after what was posted
				if ran {
					t.Error("the function ran")
				}
				return deferred.Succeed(none{})
			})
		})
	}
}

// The fake time of a bubble gets ErrOnLoop as well, from Run and from Iterate.
func TestF48_R110_OnTheLoopInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		blocks := func() {
			_, err := reactor.BlockingCallFromThread(r, func() deferred.Deferred[int] { return deferred.Succeed(1) })
			wantErr(t, err, reactor.ErrOnLoop)
		}
		r.CallFromThread(blocks)
		wantErr(t, r.Iterate(0), nil)
		r.CallLater(time.Second, func() { blocks(); mustStop(t, r) })
		mustRun(t, r)
	})
}

// A goroutine that is not on the loop waits for a callback that takes long,
// even in a coroutine, and while the loop runs a coroutine itself.
func TestF48_NoErrOnLoopElsewhere(t *testing.T) {
	for name, place := range places {
		for loopName, loopPlace := range places {
			t.Run(name+", the loop "+loopName, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := reactortest.Start(t, reactor.Options{})
					first := r.Notice()
					r.CallFromThread(func() { loopPlace(func() { time.Sleep(50 * time.Millisecond) }) }) // in the time of the bubble
					synctest.Wait()
					place(func() {
						v, err := reactor.Await(t.Context(), r, func() deferred.Deferred[int] { return deferred.Succeed(5) })
						if v != 5 || err != nil {
							t.Errorf("got %v, %v", v, err)
						}
					})
					if r.Notice() == first {
						t.Error("nobody looked")
					}
				})
			})
		}
	}
}

// Many goroutines block in coroutines, some of them made elsewhere, while the
// loop stays in a coroutine for long.
func TestF48_ManyCoroutinesWaitForTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		r.CallFromThread(func() { inPull(true, func() { time.Sleep(time.Second) }) }) // in the time of the bubble
		synctest.Wait()
		got := make(chan error, 300)
		for i := range cap(got) {
			place := places["in nested iter.Pull"]
			if i%3 == 0 {
				place = places["in an iter.Pull made elsewhere"]
			}
			go place(func() { // ends with the answer
				_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[int] { return deferred.Succeed(1) })
				got <- err
			})
		}
		for range cap(got) {
			wantErr(t, <-got, nil)
		}
	})
}

// A coroutine that was made on the loop is not on the loop when another
// goroutine has resumed it.
func TestF48_ACoroutineLeavesTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		made := make(chan func())
		got := make(chan error, 1)
		r.CallFromThread(func() {
			next, stop := iter.Pull(func(yield func(none) bool) {
				_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[int] { return deferred.Succeed(1) })
				got <- err
			})
			made <- func() { next(); stop() }
			inPull(false, func() { time.Sleep(50 * time.Millisecond) }) // in the time of the bubble
		})
		(<-made)()
		wantErr(t, <-got, nil)
	})
}

// A blocked goroutine does not look while the loop sleeps or makes progress.
func TestF48_NoTracesOnTheUsualPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		first := r.Notice()
		await := func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := reactor.Await(ctx, r, func() deferred.Deferred[int] { return deferred.New[int]() })
			wantErr(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		inPull(false, await) // while the loop sleeps
		var busy func()
		rounds := 0
		busy = func() {
			if rounds++; rounds < 20_000 {
				time.Sleep(7 * time.Millisecond) // in the time of the bubble
				r.CallFromThread(busy)
			}
		}
		r.CallFromThread(busy)
		inPull(false, await) // while the loop is never asleep
		if r.Notice() != first {
			t.Error("a blocked goroutine had to look")
		}
	})
}
