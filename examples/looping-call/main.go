// Command looping-call prints the time every second, until it is interrupted. Its test runs an hour of it, on a clock of its own.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, _ []string) deferred.Deferred[*task.LoopingCall] {
		return ticker(r, os.Stdout).Start(time.Second, true)
	})
}

// ticker returns a LoopingCall that prints how many intervals have passed, and how many of them it has missed.
func ticker(clock reactor.Clock, out io.Writer) *task.LoopingCall {
	began, missed := clock.Now(), 0
	return task.WithCount(clock, func(count int) error {
		missed += count - 1
		_, err := fmt.Fprintf(out, "%v passed, %d missed\n", clock.Now().Sub(began).Truncate(time.Second), missed)
		return err
	})
}
