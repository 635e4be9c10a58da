//go:build gc && (amd64 || arm64)

package deferred

// goroutine returns a number that no other living goroutine has: the address of
// the runtime's descriptor of the calling goroutine.
func goroutine() uintptr
