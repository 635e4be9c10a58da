package reactortest_test

import (
	"fmt"
	"time"

	"github.com/hawser-go/hawser/reactor/reactortest"
)

func ExampleClock() {
	clock := reactortest.NewClock()
	clock.CallLater(time.Hour, func() { fmt.Println("an hour has passed") })
	clock.Advance(59 * time.Minute)
	fmt.Println("not yet")
	clock.Advance(time.Minute)
	// Output:
	// not yet
	// an hour has passed
}
