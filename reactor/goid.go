package reactor

import (
	"bytes"
	"reflect"
	"runtime"
	"strconv"
)

// The runtime does not tell a goroutine which one it is, except in the traces of its stacks, whose form these functions rely on:
//
//	goroutine 7 [running]:
//	...
//	created by iter.Pull[...] in goroutine 6

// goroutineID returns the number of the calling goroutine.
func goroutineID() uint64 {
	var room [64]byte
	return leadingNumber(room[len("goroutine "):runtime.Stack(room[:], false)])
}

// onGoroutine reports whether the caller runs on the goroutine id, or in a coroutine that was resumed from it.
func onGoroutine(id uint64) bool {
	switch id {
	case 0:
		return false
	case goroutineID():
		return true
	}
	if !onCoroutine() {
		return false
	}
	own := stacks(false)
	at := bytes.LastIndex(own, []byte("\ncreated by iter.Pull"))
	if at < 0 {
		return false
	}
	_, parent, _ := bytes.Cut(own[at:], []byte(" in goroutine "))
	return leadingNumber(parent) == id || resumesCoroutine(id)
}

// onCoroutine reports whether the caller runs on the goroutine of a coroutine, whose first function is runtime.corostart. It takes much less
// time than a trace.
func onCoroutine() bool {
	var pcs [64]uintptr
	n := len(pcs)
	for skip := 0; n == len(pcs); skip += n {
		n = runtime.Callers(skip, pcs[:])
	}
	for _, pc := range pcs { // those behind n are from before, further up the same stack
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Name() == "runtime.corostart" {
			return true
		}
	}
	return false
}

// resumesCoroutine reports whether the goroutine waits for a coroutine to give control back. With several layers of coroutines, that is
// how it is seen that the innermost runs on behalf of the loop.
func resumesCoroutine(id uint64) bool {
	return bytes.HasPrefix(stackOf(id), []byte("goroutine "+strconv.FormatUint(id, 10)+" [coroutine"))
}

// stackOf returns the trace of the goroutine id, nil if it is not found.
func stackOf(id uint64) []byte {
	head := []byte("goroutine " + strconv.FormatUint(id, 10) + " ")
	for trace := range bytes.SplitSeq(stacks(true), []byte("\n\n")) {
		if bytes.HasPrefix(trace, head) {
			return trace
		}
	}
	return nil
}

// maxTrace bounds the memory for traces of all goroutines; what does not fit is cut off.
const maxTrace = 16 << 20

// stacks returns the trace of the calling goroutine, or of all.
func stacks(all bool) []byte {
	for size := 16 << 10; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, all); n < size || size >= maxTrace {
			return buf[:n]
		}
	}
}

func leadingNumber(s []byte) (n uint64) {
	for _, c := range s {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// funcName returns the name of a function, as the runtime knows it.
func funcName(f func()) string {
	if f == nil {
		return "nil"
	}
	return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
}
