// Command looping-call prints the elapsed time every second until it is
// interrupted. Its test runs the loop for an hour of a simulated clock.
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

// ticker returns a LoopingCall that prints the elapsed time and the number of
// intervals without a call.
func ticker(clock reactor.Clock, out io.Writer) *task.LoopingCall {
	began, missed := clock.Now(), 0
	return task.WithCount(clock, func(count int) error {
		missed += count - 1
		_, err := fmt.Fprintf(out, "%v passed, %d missed\n", clock.Now().Sub(began).Truncate(time.Second), missed)
		return err
	})
}
