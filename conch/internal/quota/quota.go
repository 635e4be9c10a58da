// Package quota bounds what many connections use together, such as the file
// descriptors of a process.
package quota

import "sync/atomic"

// Quota is a number of things that may be in use at the same time. Any goroutine
// may use it.
type Quota struct {
	max  int64
	used atomic.Int64
}

// New returns a quota of n.
func New(n int) *Quota { return &Quota{max: int64(n)} }

// OfDescriptors returns a quota of a quarter of the file descriptors that the
// process may have, at least 16 and at most 1,048,576.
func OfDescriptors() *Quota { return New(max(16, min(Descriptors()/4, 1<<20))) }

// Max returns the number.
func (q *Quota) Max() int { return int(q.max) }

// Used returns how many are in use.
func (q *Quota) Used() int { return int(q.used.Load()) }

// Take takes one. The result is false if none is left.
func (q *Quota) Take() bool {
	if q.used.Add(1) > q.max {
		q.used.Add(-1)
		return false
	}
	return true
}

// Give gives one back.
func (q *Quota) Give() { q.used.Add(-1) }
