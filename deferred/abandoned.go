package deferred

import "sync/atomic"

// abandon is called on a goroutine of the runtime when the coroutine's Deferred
// was collected. Nothing can resume the body then.
func (co *Coro) abandon() {
	if co.scope == nil {
		abandoned.push(co)
		return
	}
	s := co.scope
	s.abandoned.push(co)
	s.loop.CallFromThread(func() { s.abandoned.end() })
}

// abandoned has the abandoned coroutines that belong to no scope.
var abandoned abandonedList

// EndAbandoned ends the bodies of the coroutines started with [Inline] that
// were found to be abandoned, and returns their number. Their deferred calls
// run on the calling goroutine. Inline does the same, so a program needs to
// call EndAbandoned only to end them earlier. A program with several reactors
// uses a [Scope] for the coroutines of each.
func EndAbandoned() int { return abandoned.end() }

// abandonedList is a list that any goroutine may add to.
type abandonedList struct{ head atomic.Pointer[abandonedCoro] }

type abandonedCoro struct {
	co   *Coro
	next *abandonedCoro
}

func (l *abandonedList) any() bool { return l.head.Load() != nil }

func (l *abandonedList) push(co *Coro) {
	entry := &abandonedCoro{co: co}
	for {
		entry.next = l.head.Load()
		if l.head.CompareAndSwap(entry.next, entry) {
			return
		}
	}
}

// end ends all coroutines of the list.
func (l *abandonedList) end() (n int) {
	for entry := l.head.Swap(nil); entry != nil; entry = entry.next {
		if !entry.co.ending {
			entry.co.end()
			n++
		}
	}
	return n
}
