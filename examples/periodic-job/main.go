// Command periodic-job does a piece of blocking work every few seconds, in a thread, and finishes the present one when it is told to stop, with
// SIGTERM or Ctrl-C.
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

// schedule does work every interval, never twice at the same time: the next one waits for the one before. The Deferred fires when the reactor
// stops and the present piece of work is done; an error of work ends it at once.
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
		return finished // holds the shutdown up
	})
	return done
}
