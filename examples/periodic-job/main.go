// Command periodic-job does blocking work every few seconds, on a pool thread.
// On SIGTERM or Ctrl-C it finishes the work in progress before it exits.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, _ []string) deferred.Deferred[*task.LoopingCall] {
		return schedule(r, 5*time.Second, func() error {
			_, err := fmt.Fprintln(os.Stdout, "working at", time.Now().Format(time.TimeOnly))
			return err
		})
	})
}

// schedule calls work on a pool thread once per interval. Calls never overlap:
// a call waits until the call before has returned. The Deferred fires after the
// reactor has begun to stop and the call in progress has returned. If work
// returns an error, the Deferred fails with that error at once.
func schedule(r *reactor.Reactor, every time.Duration, work func() error) deferred.Deferred[*task.LoopingCall] {
	job := task.NewLoopingCallDeferred(r, func() deferred.Deferred[deferred.Void] {
		return reactor.DeferToThread(r, func() (deferred.Void, error) { return deferred.Void{}, work() })
	})
	done := job.Start(every, true)
	finished := deferred.New[deferred.Void]()
	done.Finally(func() { finished.Callback(deferred.Void{}) })
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[deferred.Void] {
		if job.Running() {
			job.Stop()
		}
		return finished // delays the shutdown until the work is done
	})
	return done
}
