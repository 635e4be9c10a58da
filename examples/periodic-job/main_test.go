package main

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestTheJobIsFinishedBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun, finished atomic.Int32 // written on pool threads
		reactortest.Run(t, func(r *reactor.Reactor) {
			done := schedule(r, 10*time.Second, func() error {
				begun.Add(1)
				time.Sleep(3 * time.Second) // the fake time of the synctest bubble
				finished.Add(1)
				return nil
			})
			r.CallLater(21*time.Second, func() { // during the third call of work
				if begun.Load() != 3 || finished.Load() != 2 {
					t.Errorf("begun %d, finished %d", begun.Load(), finished.Load())
				}
				_ = r.Stop()
			})
			done.AddBoth(func(l *task.LoopingCall, err error) (*task.LoopingCall, error) {
				if err != nil || finished.Load() != 3 {
					t.Errorf("%v, finished %d", err, finished.Load())
				}
				return l, err
			})
		})
		if begun.Load() != 3 || finished.Load() != 3 {
			t.Errorf("begun %d, finished %d", begun.Load(), finished.Load())
		}
	})
}

func TestAJobThatFails(t *testing.T) {
	failure := errors.New("it broke")
	r := reactortest.Start(t, reactor.Options{})
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[*task.LoopingCall] {
		return schedule(r, time.Hour, func() error { return failure })
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
