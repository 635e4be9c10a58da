package deferred_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

func TestD22D23_PassThrough(t *testing.T) {
	tr := newTrace(t)
	failed := deferred.Fail[int](errBoom).AddCallback(cb(tr, "cb", 2))
	deferred.Succeed(1).AddErrback(eb(tr, "eb", 2)).AddBoth(both[int](tr, "after"))
	tr.want("after=1")
	wantFailure(t, failed, errBoom)
}

func TestD24D25_Pair(t *testing.T) {
	tr := newTrace(t)
	deferred.Succeed(1).AddCallbacks(cb(tr, "cb", 2), eb(tr, "eb", 3))
	deferred.Fail[int](errBoom).AddCallbacks(cb(tr, "cb", 2), eb(tr, "eb", 3))
	tr.want("cb=1", "eb!boom")
	fails := func(int) (int, error) { return 0, errBoom }
	deferred.Succeed(1).AddCallbacks(fails, eb(tr, "own", 2)).AddErrback(eb(tr, "next", 3))
	tr.want("next!boom")
}

func TestD26_PairWithoutErrback(t *testing.T) {
	tr := newTrace(t)
	d := deferred.Fail[int](errBoom).AddCallbacks(cb(tr, "cb", 2), nil)
	tr.want()
	wantFailure(t, d, errBoom)
}

func TestD29_BothSides(t *testing.T) {
	tr := newTrace(t)
	deferred.Succeed(1).AddBoth(both[int](tr, "x"))
	deferred.Fail[int](errBoom).AddBoth(both[int](tr, "y")).AddErrback(handled[int])
	tr.want("x=1", "y!boom")
}

func TestD30D31_ErrbackChoosesTheSide(t *testing.T) {
	d := deferred.Fail[any](errBoom).AddErrback(func(error) (any, error) { return nil, nil })
	wantResult[any](t, d, nil)
	stay := deferred.Fail[int](errBoom).AddErrback(func(err error) (int, error) { return 9, err })
	if _, err, _ := stay.Result(); err != errBoom {
		t.Errorf("got %v", err)
	}
	wantFailure(t, stay, errBoom)
}

func TestD32D34_ReturnedErrors(t *testing.T) {
	mine := &codeError{1}
	d := deferred.Succeed(1).AddCallback(func(int) (int, error) { return 5, mine })
	if v, err, _ := d.Result(); err != error(mine) || v != 0 {
		t.Errorf("got %v, %v", v, err)
	}
	d.AddErrback(func(error) (int, error) { return 0, errOther })
	wantFailure(t, d, errOther)
}

func TestD33_PanicBecomesFailure(t *testing.T) {
	d := deferred.Succeed(1).AddCallback(func(int) (int, error) { panic(errBoom) })
	_, err, _ := d.Result()
	p, ok := errors.AsType[*deferred.PanicError](err)
	if !ok || !errors.Is(err, errBoom) || !strings.Contains(string(p.Stack), "TestD33_PanicBecomesFailure") {
		t.Errorf("got %v", err)
	}
	d.AddErrback(func(error) (int, error) { panic("again") }) // D34
	if _, err, _ = d.Result(); errors.Is(err, errBoom) || !strings.Contains(err.Error(), "again") {
		t.Errorf("got %v", err)
	}
	d.AddErrback(handled[int])
}

func TestD35_EveryPanicIsCaught(t *testing.T) {
	var nothing *codeError
	for name, f := range map[string]func(){
		"runtime error": func() { _ = nothing.code },
		"nil":           func() { panic(nil) },
		"string":        func() { panic("text") },
	} {
		d := deferred.New[int]().AddCallback(func(int) (int, error) { f(); return 0, nil })
		d.Callback(1)
		if _, err, _ := d.Result(); err == nil {
			t.Errorf("%s: no failure", name)
		}
		d.AddErrback(handled[int])
	}
}

func TestD35_GoexitLeavesTheChainUsable(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(func(int) (int, error) { runtime.Goexit(); return 0, nil })
	done := make(chan struct{})
	go func() { // ends with the Goexit
		defer close(done)
		d.Callback(1)
	}()
	<-done
	d.AddCallback(cb(tr, "later", 2))
	tr.want("later=1")
}

func TestD36toD38_ReentrantAdd(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(func(int) (int, error) {
		d.AddCallback(func(v int) (int, error) {
			tr.add("3 sees %d", v)
			return 0, errBoom
		})
		tr.add("1")
		return 1, nil
	})
	d.AddCallback(func(int) (int, error) { tr.add("2"); return 2, nil })
	d.Callback(0)
	tr.want("1", "2", "3 sees 2")
	wantFailure(t, d, errBoom)
}

func TestD39D40_OtherDeferredsRunNested(t *testing.T) {
	tr := newTrace(t)
	a, b := deferred.New[int](), deferred.New[int]().AddCallback(cb(newTrace(t), "", 0))
	b.AddBoth(both[int](tr, "b"))
	a.AddCallback(func(v int) (int, error) {
		tr.add("a begins")
		b.Callback(1)
		b.AddBoth(both[int](tr, "b later"))
		tr.add("a ends")
		return v, nil
	})
	a.Callback(0)
	tr.want("a begins", "b=0", "b later=0", "a ends")
}

func TestD314_NilCallbackPanicsAtTheAdd(t *testing.T) {
	d := deferred.New[int]()
	for name, add := range map[string]func(){
		"AddCallback":        func() { d.AddCallback(nil) },
		"AddErrback":         func() { d.AddErrback(nil) },
		"AddBoth":            func() { d.AddBoth(nil) },
		"AddCallbacks":       func() { d.AddCallbacks(nil, handled[int]) },
		"AddErrbackDeferred": func() { d.AddErrbackDeferred(nil) },
		"Then":               func() { deferred.Then[int, int](d, nil) },
		"ThenDeferred":       func() { deferred.ThenDeferred[int, int](d, nil) },
		"ThenBoth":           func() { deferred.ThenBoth[int, int](d, nil) },
		"ThenBothDeferred":   func() { deferred.ThenBothDeferred[int, int](d, nil) },
		"ThenCallbacks":      func() { deferred.ThenCallbacks[int, int](d, nil, nil) },
		"AddTimeoutFunc":     func() { d.AddTimeoutFunc(new(fakeClock), 0, nil) },
		"Run, D279":          func() { deferred.Run[int](new(deferred.Lock), nil) },
		"Inline":             func() { deferred.Inline[int](nil) },
		"FromFuture":         func() { deferred.FromFuture[int](newLoop(), nil) },
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, deferred.ErrNilCallback, add) })
	}
}

// A callback of a long chain that adds another one must not cost a copy of the
// chain.
func TestD36_ManyReentrantAdds(t *testing.T) {
	const n = 100_000
	d, added := deferred.New[int](), 0
	grow := func(v int) (int, error) {
		d.AddCallback(func(v int) (int, error) { added++; return v + 1, nil })
		return v + 1, nil
	}
	for range n {
		d.AddCallback(grow)
	}
	d.Callback(0)
	wantResult(t, d, 2*n)
	if added != n {
		t.Errorf("%d of %d ran", added, n)
	}
}
