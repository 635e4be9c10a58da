//go:build !unix

package cftp

func setUmask(int) error { return failf("lumask: this system has no umask") }
