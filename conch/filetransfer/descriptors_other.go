//go:build !unix

package filetransfer

// descriptors returns the number of files that the process may open.
func descriptors() int { return 16 << 10 }
