package reactor_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// unhandled makes a channel the receiver of reports.
func unhandled(t *testing.T) <-chan error {
	reports := make(chan error, 16)
	t.Cleanup(deferred.OnUnhandled(func(e *deferred.UnhandledError) { reports <- e.Err }))
	return reports
}

var errUnhandled = errors.New("nobody handles this")

// dropFailure makes a Deferred that fails and is dropped.
//
//go:noinline
func dropFailure() { deferred.Fail[int](errUnhandled) }

// In a program that does nothing else, the report comes while the loop sleeps.
func TestF33_UnhandledFailureIsReportedInAnIdleProgram(t *testing.T) {
	r, _ := newReactor(t)
	reports := unhandled(t)
	r.CallWhenRunning(dropFailure)
	var got error
	go func() { // ends when the report has come, or the test
		select {
		case got = <-reports:
		case <-t.Context().Done():
		}
		r.CallFromThread(func() { _ = r.Stop() })
	}()
	mustRun(t, r)
	if !errors.Is(got, errUnhandled) {
		t.Errorf("got %v", got)
	}
}

// The report of a failure that comes right before the end is there when Run
// returns.
func TestF33_UnhandledFailureIsReportedBeforeRunReturns(t *testing.T) {
	for name, when := range map[string]func(r *reactor.Reactor){
		"in the last callback": func(r *reactor.Reactor) {
			r.CallWhenRunning(func() {
				dropFailure()
				mustStop(t, r)
			})
		},
		"in the shutdown": func(r *reactor.Reactor) {
			r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, dropFailure)
			r.CallWhenRunning(func() { mustStop(t, r) })
		},
		"in a crash": func(r *reactor.Reactor) {
			r.CallWhenRunning(func() {
				dropFailure()
				_ = r.Crash()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newReactor(t)
			reports := unhandled(t)
			when(r)
			mustRun(t, r)
			select {
			case err := <-reports:
				if !errors.Is(err, errUnhandled) {
					t.Errorf("got %v", err)
				}
			default:
				t.Error("nothing was reported")
			}
		})
	}
}

// A failure that somebody keeps is not reported, and does not keep the loop
// busy.
func TestF33_KeptFailureIsNotReported(t *testing.T) {
	r, _ := newReactor(t)
	reports := unhandled(t)
	d := deferred.Fail[int](errUnhandled)
	r.CallLater(time.Millisecond, func() { mustStop(t, r) })
	mustRun(t, r)
	if len(reports) != 0 {
		t.Error("reported")
	}
	d.OnError(func(err error) {})
}
