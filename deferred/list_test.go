package deferred_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// news makes n Deferreds that have not fired.
func news(n int, canceller ...func(deferred.Deferred[int])) []deferred.Deferred[int] {
	ds := make([]deferred.Deferred[int], n)
	for i := range ds {
		ds[i] = deferred.New(canceller...)
	}
	return ds
}

// outcomes renders the result of a list and takes it.
func outcomes(t *testing.T, d deferred.Deferred[[]deferred.Outcome[int]]) string {
	t.Helper()
	return showAll(deferredtest.SuccessResultOf(t, d), func(o deferred.Outcome[int]) string { return result(o.Value, o.Err) })
}

func consume(ds []deferred.Deferred[int]) {
	for _, d := range ds {
		d.AddErrback(handled[int])
	}
}

func TestD181D189_AllOutcomesInOrder(t *testing.T) {
	ds := news(3)
	l := deferred.List(ds)
	ds[2].Callback(3)
	ds[0].Callback(1)
	if l.Called() {
		t.Error("fired too early")
	}
	ds[1].Errback(errBoom)
	if got := outcomes(t, l); got != "[1 !boom 3]" {
		t.Errorf("got %s", got)
	}
	wantResult(t, ds[0], 1)
	wantFailure(t, ds[1], errBoom)
}

func TestD182D183_EmptyLists(t *testing.T) {
	var none []deferred.Deferred[int]
	if !deferred.List(none).Called() || !deferred.List(none, deferred.FireOnOneErrback).Called() {
		t.Error("an empty list did not fire")
	}
	if deferred.List(none, deferred.FireOnOneCallback).Called() {
		t.Error("an empty list fired on one callback")
	}
	if got := deferredtest.SuccessResultOf(t, deferred.Gather(none)); len(got) != 0 { // D204
		t.Errorf("got %v", got)
	}
}

func TestD184_AlreadyFiredMembers(t *testing.T) {
	ds := []deferred.Deferred[int]{deferred.Succeed(1), deferred.Fail[int](errBoom), deferred.Succeed(3)}
	if got := outcomes(t, deferred.List(ds)); got != "[1 !boom 3]" {
		t.Errorf("got %s", got)
	}
	consume(ds)
}

func TestD185D186_FireOnOneCallback(t *testing.T) {
	ds := news(3)
	l := deferred.List(ds, deferred.FireOnOneCallback)
	ds[2].Errback(errBoom)
	ds[1].Callback(2)
	got := deferredtest.SuccessResultOf(t, l)
	if len(got) != 1 || got[0] != (deferred.Outcome[int]{Index: 1, Value: 2}) {
		t.Errorf("got %v", got)
	}
	ds[0].Callback(1) // ignored
	consume(ds)

	ds = news(2)
	l = deferred.List(ds, deferred.FireOnOneCallback)
	ds[1].Errback(errBoom)
	ds[0].Errback(errOther)
	if got := outcomes(t, l); got != "[!other !boom]" {
		t.Errorf("got %s", got)
	}
	consume(ds)
}

func TestD187D188D202_FireOnOneErrback(t *testing.T) {
	ds := news(3)
	l := deferred.List(ds, deferred.FireOnOneErrback)
	ds[1].Errback(errBoom)
	e, ok := errors.AsType[*deferred.FirstError](deferredtest.FailureResultOf(t, l))
	if !ok || e.Index != 1 || e.Err != errBoom || e.Error() != "deferred: first error, of member 1: boom" {
		t.Errorf("got %v", e)
	}
	ds[0].Callback(1)
	consume(ds)

	ds = []deferred.Deferred[int]{deferred.New[int](), deferred.Fail[int](errBoom)}
	l = deferred.List(ds, deferred.FireOnOneErrback)
	if !l.Called() {
		t.Error("did not fail at once")
	}
	deferredtest.FailureResultOf(t, l, errBoom)
	consume(ds)
}

func TestD190D191_ConsumeErrors(t *testing.T) {
	tr, ds := newTrace(t), news(2)
	l := deferred.List(ds, deferred.FireOnOneErrback, deferred.ConsumeErrors)
	ds[0].Errback(errBoom)
	ds[1].Errback(errOther) // after the list has fired
	for _, d := range ds {
		d.AddBoth(both[int](tr, "member"))
	}
	tr.want("member=0", "member=0")
	deferredtest.FailureResultOf(t, l, errBoom)
}

func TestD192_BetweenEarlierAndLaterCallbacks(t *testing.T) {
	tr, d := newTrace(t), deferred.New[int]()
	d.AddCallback(cb(tr, "before", 2))
	l := deferred.List([]deferred.Deferred[int]{d})
	d.AddCallback(cb(tr, "after", 3))
	d.Callback(1)
	tr.want("before=1", "after=2")
	if got := outcomes(t, l); got != "[2]" {
		t.Errorf("got %s", got)
	}
}

func TestD193_SameMemberTwice(t *testing.T) {
	d := deferred.New[int]()
	l := deferred.List([]deferred.Deferred[int]{d, d})
	d.Callback(1)
	if got := outcomes(t, l); got != "[1 1]" {
		t.Errorf("got %s", got)
	}
}

func TestD195toD198_CancelAList(t *testing.T) {
	value := func(d deferred.Deferred[int]) { d.Callback(5) }
	for _, row := range []struct {
		name      string
		flag      deferred.ListFlag
		canceller []func(deferred.Deferred[int])
		want      string
	}{
		{"D196 plain", 0, nil, "[!CancelledError !CancelledError]"},
		{"D197 on one callback", deferred.FireOnOneCallback, []func(deferred.Deferred[int]){value}, "[5]"},
		{"D198 on one errback", deferred.FireOnOneErrback, nil, "FirstError(0, CancelledError)"},
		{"D198 on one errback, values", deferred.FireOnOneErrback, []func(deferred.Deferred[int]){value}, "[5 5]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ds := news(2, row.canceller...)
			l := deferred.List(ds, row.flag, deferred.ConsumeErrors)
			l.Cancel()
			for i, d := range ds {
				if !d.Called() {
					t.Errorf("member %d was not cancelled", i)
				}
			}
			got := ""
			if _, err, _ := l.Result(); err != nil {
				got = render(deferredtest.FailureResultOf(t, l))
			} else {
				got = outcomes(t, l)
			}
			if got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// A member that does not fire when it is cancelled, because it is paused, keeps
// the list from firing.
func TestD196_ListFiresByItsOwnRules(t *testing.T) {
	ds := news(2)
	ds[0].Pause()
	l := deferred.List(ds, deferred.ConsumeErrors)
	l.Cancel()
	if l.Called() {
		t.Error("fired before all members")
	}
	ds[0].Unpause()
	if got := outcomes(t, l); got != "[!CancelledError !CancelledError]" {
		t.Errorf("got %s", got)
	}
}

func TestD199D216_MembersAreCopied(t *testing.T) {
	ds := news(2)
	first := ds[0]
	l := deferred.List(ds, deferred.ConsumeErrors)
	other := deferred.New[int]()
	ds[0] = other
	l.Cancel()
	if other.Called() || !first.Called() {
		t.Error("the slice was not copied")
	}
	deferredtest.SuccessResultOf(t, l)

	ds = news(2)
	first = ds[0]
	r := deferred.Race(ds)
	ds[0] = other
	r.Cancel()
	if other.Called() || !first.Called() {
		t.Error("the slice of a race was not copied")
	}
	deferredtest.FailureResultOf(t, r)
}

// captureLog returns what the default logger writes while the test runs.
func captureLog(t *testing.T) *bytes.Buffer {
	var out bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return &out
}

func TestD200_PanickingCanceller(t *testing.T) {
	out := captureLog(t)
	bad, good := deferred.New(func(deferred.Deferred[int]) { panic(errBoom) }), deferred.New[int]()
	l := deferred.List([]deferred.Deferred[int]{bad, good})
	l.Cancel()
	if !good.Called() || bad.Called() || l.Called() {
		t.Errorf("%v, %v, %v", good, bad, l)
	}
	if !strings.Contains(out.String(), "boom") {
		t.Errorf("logged %q", out)
	}
	consume([]deferred.Deferred[int]{good})
}

func TestD201_CancelOfAFiredList(t *testing.T) {
	ds := news(2)
	l := deferred.List(ds, deferred.FireOnOneCallback)
	ds[0].Callback(1)
	l.Cancel()
	if ds[1].Called() {
		t.Error("a member was cancelled")
	}
}

func TestD203_FirstErrorsCompare(t *testing.T) {
	a := &deferred.FirstError{Err: errBoom, Index: 1}
	for _, row := range []struct {
		other error
		same  bool
	}{
		{&deferred.FirstError{Err: errBoom, Index: 1}, true},
		{&deferred.FirstError{Err: errBoom, Index: 2}, false},
		{&deferred.FirstError{Err: errOther, Index: 1}, false},
		{errOther, false},
		{errBoom, true}, // through Unwrap
	} {
		if errors.Is(a, row.other) != row.same {
			t.Errorf("%v: %v", row.other, !row.same)
		}
	}
}

func TestD204D205_Gather(t *testing.T) {
	ds := news(3)
	g := deferred.Gather(ds)
	for i := range ds {
		ds[2-i].Callback(i)
	}
	if got := deferredtest.SuccessResultOf(t, g); !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("got %v", got)
	}
	ds = news(2)
	g = deferred.Gather(ds, deferred.ConsumeErrors)
	ds[1].Errback(errBoom)
	wantResult(t, ds[1], 0)
	deferredtest.FailureResultOf(t, g, &deferred.FirstError{Err: errBoom, Index: 1})
}

func TestD206_CancelAGather(t *testing.T) {
	ds := news(2)
	g := deferred.Gather(ds, deferred.ConsumeErrors)
	g.Cancel()
	deferredtest.FailureResultOf(t, g, &deferred.FirstError{Err: deferred.ErrCancelled, Index: 0})
	g = deferred.Gather(news(2, func(d deferred.Deferred[int]) { d.Callback(6) }))
	g.Cancel()
	if got := deferredtest.SuccessResultOf(t, g); !slices.Equal(got, []int{6, 6}) {
		t.Errorf("got %v", got)
	}
}

func TestD207D208_FirstWins(t *testing.T) {
	tr := newTrace(t)
	ds := news(3, func(deferred.Deferred[int]) { tr.add("cancelled") })
	r := deferred.Race(ds)
	r.AddCallback(func(o deferred.Outcome[int]) (deferred.Outcome[int], error) {
		tr.add("won by %d with %d", o.Index, o.Value)
		return o, nil
	})
	ds[1].Callback(7)
	tr.want("cancelled", "cancelled", "won by 1 with 7")
	for _, d := range ds {
		wantResult(t, d, 0)
	}
}

func TestD209D316_AllFail(t *testing.T) {
	reports := deferredtest.Watch(t)
	ds := news(2, func(deferred.Deferred[int]) { t.Error("cancelled") })
	r := deferred.Race(ds)
	ds[1].Errback(errOther)
	ds[0].Errback(errBoom)
	err := deferredtest.FailureResultOf(t, r, errOther)
	e, ok := errors.AsType[*deferred.GroupError](err)
	if !ok || !slices.Equal(e.Unwrap(), []error{errBoom, errOther}) || !errors.Is(err, errBoom) {
		t.Errorf("got %v", err)
	}
	if left := reports.All(); len(left) != 0 {
		t.Errorf("unhandled: %v", left)
	}
}

func TestD210D211_LateLosers(t *testing.T) {
	ds := []deferred.Deferred[int]{deferred.New[int](), deferred.New[int](), deferred.New(func(d deferred.Deferred[int]) { d.Callback(9) })}
	r := deferred.Race(ds)
	ds[1].Callback(1)
	ds[0].Errback(errBoom) // ignored after the cancellation
	if got := deferredtest.SuccessResultOf(t, r); got.Index != 1 || got.Value != 1 {
		t.Errorf("got %v", got)
	}
	wantResult(t, ds[0], 0)
	wantResult(t, ds[2], 0)
}

func TestD212_CancelARace(t *testing.T) {
	cancels := 0
	ds := news(2, func(deferred.Deferred[int]) { cancels++ })
	r := deferred.Race(ds)
	r.Cancel()
	if cancels != 2 {
		t.Errorf("%d cancelled", cancels)
	}
	if _, ok := errors.AsType[*deferred.GroupError](deferredtest.FailureResultOf(t, r, deferred.ErrCancelled)); !ok {
		t.Error("no GroupError")
	}
	r = deferred.Race([]deferred.Deferred[int]{deferred.New[int](), deferred.New(func(d deferred.Deferred[int]) { d.Callback(3) })})
	r.Cancel()
	if got := deferredtest.SuccessResultOf(t, r); got.Index != 1 || got.Value != 3 {
		t.Errorf("got %v", got)
	}
}

func TestD213_FiredMembers(t *testing.T) {
	ds := []deferred.Deferred[int]{deferred.Fail[int](errBoom), deferred.Succeed(2), deferred.Succeed(3)}
	if got := deferredtest.SuccessResultOf(t, deferred.Race(ds)); got.Index != 1 || got.Value != 2 {
		t.Errorf("got %v", got)
	}
	for _, d := range ds {
		wantResult(t, d, 0)
	}
}

func TestD214_EmptyRace(t *testing.T) {
	err := deferredtest.FailureResultOf(t, deferred.Race[int](nil))
	if e, ok := errors.AsType[*deferred.GroupError](err); !ok || len(e.Errs) != 0 || e.Error() == "" {
		t.Errorf("got %v", err)
	}
}

func TestD215_PanickingCancellerOfALoser(t *testing.T) {
	out := captureLog(t)
	ds := []deferred.Deferred[int]{deferred.New(func(deferred.Deferred[int]) { panic(errBoom) }), deferred.New[int]()}
	r := deferred.Race(ds)
	ds[1].Callback(1)
	if got := deferredtest.SuccessResultOf(t, r); got.Index != 1 {
		t.Errorf("got %v", got)
	}
	if !strings.Contains(out.String(), "boom") {
		t.Errorf("logged %q", out)
	}
}
