package deferred

import "container/list"

// waitList is a queue of Deferreds. A Deferred leaves the queue when it is
// cancelled.
type waitList[T any] struct{ list list.List }

func (w *waitList[T]) add() Deferred[T] {
	var place *list.Element
	d := New(func(Deferred[T]) { w.list.Remove(place) })
	place = w.list.PushBack(d)
	return d
}

// take removes and returns the first Deferred, for the caller to fire. In debug
// mode, on a goroutine that may not fire the Deferred, take panics and removes
// nothing.
func (w *waitList[T]) take() (d Deferred[T], ok bool) {
	first := w.list.Front()
	if first == nil {
		return d, false
	}
	d = first.Value.(Deferred[T])
	d.c.check("firing")
	w.list.Remove(first)
	return d, true
}
