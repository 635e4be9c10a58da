//go:build !gc || !(amd64 || arm64)

package deferred

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutine returns the number of the calling goroutine. It reads the number
// from the heading of a stack trace, "goroutine 12 [running]:", which takes
// about a microsecond.
func goroutine() uintptr {
	var room [40]byte
	heading := room[:runtime.Stack(room[:], false)]
	id, _ := strconv.ParseUint(string(bytes.Fields(heading)[1]), 10, 64)
	return uintptr(id)
}
