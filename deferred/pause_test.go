package deferred_test

import (
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD75D76D79_PausesNest(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(cb(tr, "a", 2))
	d.Pause()
	d.Pause()
	d.Callback(1)
	d.AddCallback(cb(tr, "b", 3))
	d.Unpause()
	tr.want()
	if d.Paused() != 1 {
		t.Errorf("paused %d times", d.Paused())
	}
	d.Unpause()
	tr.want("a=1", "b=2")
}

func TestD77_PauseBeforeFiring(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]().AddBoth(both[int](newTrace(t), ""))
	d.Pause()
	d.Unpause()
	d.AddCallback(cb(tr, "a", 2))
	tr.want()
	d.Callback(1)
	tr.want("a=1")
}

func TestD78_PausedFailure(t *testing.T) {
	tr, d := newTrace(t), deferred.Fail[int](errBoom)
	d.Pause()
	d.AddErrback(eb(tr, "eb", 1))
	tr.want()
	d.Unpause()
	tr.want("eb!boom")
}

func TestD80_UnbalancedUnpause(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	wantPanic(t, deferred.ErrNotPaused, d.Unpause)
	d.AddCallback(cb(tr, "a", 2))
	d.Callback(1)
	tr.want("a=1")

	outer := deferred.New[any]()
	outer.AddCallback(func(any) (any, error) { return deferred.New[any](), nil })
	outer.Callback(nil)
	wantPanic(t, deferred.ErrNotPaused, outer.Unpause) // the pause of the wait is not the user's
	if !outer.Waiting() || outer.Paused() != 1 {
		t.Errorf("%v: paused %d", outer, outer.Paused())
	}
}

func TestD81_CallbackThatPausesItsOwnDeferred(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(func(v int) (int, error) { d.Pause(); return v, nil })
	d.AddCallback(cb(tr, "queued", 2))
	d.Callback(1)
	tr.want("queued=1")
	d.AddCallback(cb(tr, "later", 3))
	tr.want()
	d.Unpause()
	tr.want("later=2")
}
