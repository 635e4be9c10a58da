package reactor

import (
	"bytes"
	"reflect"
	"runtime"
	"strconv"
)

// The runtime shows the number of a goroutine only in stack traces. The
// functions of this file and of coroutine.go rely on their form:
//
//	goroutine 7 [running]:
//	...
//	created by iter.Pull[...] in goroutine 6

// goroutineID returns the number of the calling goroutine. That takes about a
// microsecond, more on a deep stack.
func goroutineID() uint64 {
	var room [64]byte
	return leadingNumber(room[len("goroutine "):runtime.Stack(room[:], false)])
}

// stackOf returns the trace of the goroutine id, or nil if there is no such
// goroutine.
func stackOf(id uint64) []byte {
	head := []byte("goroutine " + strconv.FormatUint(id, 10) + " ")
	for trace := range bytes.SplitSeq(allStacks(), []byte("\n\n")) {
		if bytes.HasPrefix(trace, head) {
			return trace
		}
	}
	return nil
}

// maxTrace is the largest size of the traces of all goroutines, in bytes.
// Longer traces are cut off.
const maxTrace = 64 << 20

// allStacks returns the traces of all goroutines. The program stops meanwhile:
// for 45 ms if there are 7,000 goroutines.
func allStacks() []byte {
	for size := 1<<16 + 1024*runtime.NumGoroutine(); ; size *= 4 {
		buf := make([]byte, min(size, maxTrace))
		if n := runtime.Stack(buf, true); n < len(buf) || size >= maxTrace {
			return buf[:n]
		}
	}
}

// leadingNumber returns the decimal number at the beginning of s.
func leadingNumber(s []byte) (n uint64) {
	for _, c := range s {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// funcName returns the name of f as the runtime knows it.
func funcName(f func()) string {
	if f == nil {
		return "nil"
	}
	return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
}
