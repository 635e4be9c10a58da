package deferred

import "container/list"

// waitList is a queue of Deferreds that leave it when they are cancelled.
type waitList[T any] struct{ list list.List }

func (w *waitList[T]) add() Deferred[T] {
	var place *list.Element
	d := New(func(Deferred[T]) { w.list.Remove(place) })
	place = w.list.PushBack(d)
	return d
}

// take removes and returns the first.
func (w *waitList[T]) take() (d Deferred[T], ok bool) {
	first := w.list.Front()
	if first == nil {
		return d, false
	}
	return w.list.Remove(first).(Deferred[T]), true
}
