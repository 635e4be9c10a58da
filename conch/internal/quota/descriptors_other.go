//go:build !unix

package quota

// Descriptors returns the number of files that the process may open.
func Descriptors() int { return 16 << 10 }
