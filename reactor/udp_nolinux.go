//go:build !linux

package reactor

// These systems do not report how many datagrams they have dropped.

func countDrops(uintptr) error { return nil }

const dropsSize = 0

type dropCounter struct{}

func (*dropCounter) add([]byte) uint64 { return 0 }

// ownGroupsOnly does nothing: here a socket receives only the datagrams of the
// multicast groups that it has joined itself.
func ownGroupsOnly(uintptr) {}
