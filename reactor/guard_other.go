//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package reactor

// guardDirectory does nothing here: the system has no flock.
func guardDirectory(string) (release func(), err error) { return func() {}, nil }
