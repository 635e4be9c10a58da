package deferred_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"weak"

	"github.com/hawser-go/hawser/deferred"
)

// numbered is an error of a program.
type numbered int

func (e numbered) Error() string { return fmt.Sprintf("e%d", int(e)) }

// interpreter runs a program on this package. What it does beside that,
// testdata/driver.py does in the same way:
//
//   - Where Twisted and the specification differ on purpose, in the clauses
//     marked as quirks, an operation is left out: returning a Deferred that
//     would close a circle (D62 to D64), pausing one that waits, or one that
//     may be running (D58), unpausing one that is not paused (D80).
//   - Only Deferreds that the program itself made are fired by hand or chained
//     to.
//   - Some cancellations are left out that go wrong in Twisted: of a list that
//     has fired and waits, which DeferredList does not pass on (D93); of a list
//     that a member of it waits on, which never ends (D63); and of a list that
//     is being cancelled, which cancels its members once more (D90).
//   - At the end everything is unpaused (D131).
//   - A canceller that panics is not combined with coroutines: there Twisted
//     makes the panic the failure of the coroutine's Deferred, while the body
//     goes on waiting.
type interpreter struct {
	ds       []deferred.Deferred[any]
	plain    int // that many of them are fired by hand
	events   []string
	paused   map[int]int
	depth    int           // of operations within operations
	cancels  int           // of those, how many are cancellations
	waits    map[int]int   // what a callback of it has returned, or its body awaits
	body     map[int]bool  // it is a coroutine's whose body has not ended
	lists    map[int][]int // the members of a list
	awaiting map[int]bool  // its body awaits something
	clock    *fakeClock
	locks    []deferred.Limiter
	queues   []*deferred.Queue[any]
}

func interpret(p program) (events []string) {
	in := &interpreter{
		paused: map[int]int{}, waits: map[int]int{}, body: map[int]bool{}, lists: map[int][]int{}, awaiting: map[int]bool{},
		clock:  new(fakeClock),
		locks:  []deferred.Limiter{new(deferred.Lock), new(deferred.Lock), deferred.NewSemaphore(2)},
		queues: []*deferred.Queue[any]{deferred.NewQueue[any](deferred.Unlimited, deferred.Unlimited), deferred.NewQueue[any](1, 1)},
	}
	for i, c := range p.Cancellers {
		in.ds = append(in.ds, in.make(i, c))
	}
	in.plain = len(in.ds)
	for i, o := range p.Ops {
		in.note("#%d", i)
		in.do(o)
	}
	in.note("end")
	for d := range in.ds {
		for in.paused[d] > 0 {
			in.do(op{Kind: "unpause", D: d})
		}
	}
	for d := range in.ds {
		in.note("d%d %s", d, in.state(d))
	}
	return in.events
}

func (in *interpreter) note(format string, args ...any) {
	in.events = append(in.events, fmt.Sprintf(format, args...))
}

func (in *interpreter) make(i int, canceller string) deferred.Deferred[any] {
	if canceller == "none" {
		return deferred.New[any]()
	}
	return deferred.New(func(d deferred.Deferred[any]) {
		in.note("canceller of d%d", i)
		switch canceller {
		case "value":
			d.Callback(1000 + i)
		case "error":
			d.Errback(numbered(1000 + i))
		case "raise":
			panic(numbered(2000 + i))
		}
	})
}

// do runs an operation and notes what it raises.
func (in *interpreter) do(o op) {
	in.depth++
	defer func() {
		in.depth--
		if r := recover(); r != nil {
			in.note("raised %s", render(r.(error)))
		}
	}()
	if d, made := in.creates(o); made {
		in.ds = append(in.ds, d)
		return
	}
	in.operate(o)
}

func (in *interpreter) operate(o op) {
	d := deferred.Deferred[any]{}
	if o.Kind != "advance" && o.Kind != "release" && o.Kind != "put" {
		d = in.ds[o.D]
	}
	switch o.Kind {
	case "callback":
		if o.D < in.plain {
			d.Callback(o.Value)
		}
	case "errback":
		if o.D < in.plain {
			d.Errback(numbered(o.Value))
		}
	case "cancel":
		in.cancel(o.D)
	case "pause":
		if !in.body[o.D] && !d.Waiting() && (in.depth == 1 || !d.Called()) {
			in.paused[o.D]++
			d.Pause()
		}
	case "unpause":
		if in.paused[o.D] > 0 {
			in.paused[o.D]--
			d.Unpause()
		}
	case "chain":
		if o.Other < in.plain && o.Other != o.D {
			d.ChainDeferred(in.ds[o.Other])
		}
	case "add":
		in.add(d, o)
	case "timeout":
		in.timeout(d, o)
	case "advance":
		in.clock.advance(o.Value)
	case "release":
		in.release(o.Other)
	case "put":
		if err := in.queues[o.Other].Put(o.Value); err != nil {
			panic(err)
		}
	}
}

func (in *interpreter) cancel(d int) {
	if in.meetsList(d) || in.cancels > 0 && len(in.lists) > 0 {
		return
	}
	in.cancels++
	defer func() { in.cancels-- }()
	in.ds[d].Cancel()
}

func (in *interpreter) add(d deferred.Deferred[any], o op) {
	cb := func(v any) (any, error) { return in.act(o.D, o.Action, v, nil) }
	eb := func(a *action) func(error) (any, error) {
		return func(err error) (any, error) { return in.act(o.D, a, nil, err) }
	}
	switch {
	case o.Form == "cb":
		d.AddCallback(cb)
	case o.Form == "eb":
		d.AddErrback(eb(o.Action))
	case o.Form == "both":
		d.AddBoth(func(v any, err error) (any, error) { return in.act(o.D, o.Action, v, err) })
	case o.Errback == nil:
		d.AddCallbacks(cb, nil)
	default:
		d.AddCallbacks(cb, eb(o.Errback))
	}
}

// act runs an action in a callback of Deferred self.
func (in *interpreter) act(self int, a *action, v any, err error) (any, error) {
	in.note("a%d(%s)", a.ID, result(v, err))
	for _, o := range a.Ops {
		in.do(o)
	}
	switch a.Return {
	case "none":
		return nil, nil
	case "value":
		return a.Value, nil
	case "error":
		return nil, numbered(a.Value)
	case "deferred":
		if !in.leadsTo(a.Value, self) {
			in.waits[self] = a.Value
			return in.ds[a.Value], nil
		}
	}
	return v, err
}

// leadsTo reports whether d is target or waits on it.
func (in *interpreter) leadsTo(d, target int) bool {
	for d != target {
		if !in.waitsNow(d) {
			return false
		}
		d = in.waits[d]
	}
	return true
}

func (in *interpreter) waitsNow(d int) bool {
	return in.awaiting[d] || !in.body[d] && in.ds[d].Waiting()
}

// meetsList reports whether a cancellation of d would come across a list that
// waits, or go round in a circle through the members of a list.
func (in *interpreter) meetsList(d int, path ...int) bool {
	path = append(path, d)
	next := in.lists[d]
	if in.waitsNow(d) {
		if next != nil {
			return true
		}
		next = []int{in.waits[d]}
	}
	return slices.ContainsFunc(next, func(n int) bool { return slices.Contains(path, n) || in.meetsList(n, path...) })
}

func (in *interpreter) timeout(d deferred.Deferred[any], o op) {
	after := seconds(o.Value)
	if o.Action == nil {
		d.AddTimeout(in.clock, after)
		return
	}
	d.AddTimeoutFunc(in.clock, after, func(v any, err error, _ duration) (any, error) { return in.act(o.D, o.Action, v, err) })
}

func (in *interpreter) release(lock int) {
	switch l := in.locks[lock].(type) {
	case *deferred.Lock:
		l.Release()
	case *deferred.Semaphore:
		l.Release()
	}
}

// creates runs an operation that makes a Deferred, if it is one.
func (in *interpreter) creates(o op) (deferred.Deferred[any], bool) {
	switch o.Kind {
	case "list":
		in.lists[o.D] = append([]int{}, o.Members...)
		return in.list(o), true
	case "gather":
		in.lists[o.D] = append([]int{}, o.Members...)
		return deferred.Any(deferred.Gather(in.members(o), in.flags(o)[2:]...)), true
	case "coroutine":
		return in.coroutine(o), true
	case "acquire":
		if l, ok := in.locks[o.Other].(*deferred.Lock); ok {
			return deferred.Any(l.Acquire()), true
		}
		return deferred.Any(in.locks[o.Other].(*deferred.Semaphore).Acquire()), true
	case "run":
		return deferred.Run(in.locks[o.Other], func() deferred.Deferred[any] { return in.runs(o) }), true
	case "get":
		return in.queues[o.Other].Get(), true
	}
	return deferred.Deferred[any]{}, false
}

func (in *interpreter) members(o op) (ds []deferred.Deferred[any]) {
	for _, m := range o.Members {
		ds = append(ds, in.ds[m])
	}
	return ds
}

// flags returns the three flags of a list, zero where they are not set.
func (in *interpreter) flags(o op) []deferred.ListFlag {
	flags := []deferred.ListFlag{deferred.FireOnOneCallback, deferred.FireOnOneErrback, deferred.ConsumeErrors}
	for i, set := range o.Flags {
		if !set {
			flags[i] = 0
		}
	}
	return flags
}

// first is the result of a list that has fired on one callback.
type first deferred.Outcome[any]

func (in *interpreter) list(o op) deferred.Deferred[any] {
	l := deferred.List(in.members(o), in.flags(o)...)
	return deferred.Then(l, func(all []deferred.Outcome[any]) (any, error) {
		if o.Flags[0] && len(all) == 1 && all[0].Err == nil {
			return first(all[0]), nil
		}
		return all, nil
	})
}

// coroutine starts a coroutine. While its body waits, it does not hold the
// interpreter, so that a program that is dropped is collected.
func (in *interpreter) coroutine(o op) deferred.Deferred[any] {
	weakly := weak.Make(in)
	in.body[o.D] = true
	return deferred.Inline(func(co *deferred.Coro) (any, error) {
		defer func() { weakly.Value().ended(o.D) }()
		for _, s := range o.Steps {
			if weakly.Value().leadsTo(s.Await, o.D) {
				continue
			}
			v, err := deferred.Await(co, weakly.Value().awaited(o.D, s.Await))
			weakly.Value().resumed(o.D, s, v, err)
			if err != nil && s.Raise {
				return nil, err
			}
		}
		switch o.Action.Return {
		case "value":
			return o.Action.Value, nil
		case "error":
			return nil, numbered(o.Action.Value)
		}
		return nil, nil
	})
}

// ended notes the end of a body, unless the whole program has been dropped.
func (in *interpreter) ended(self int) {
	if in != nil {
		delete(in.body, self)
	}
}

func (in *interpreter) awaited(self, d int) deferred.Deferred[any] {
	in.waits[self], in.awaiting[self] = d, true
	return in.ds[d]
}

func (in *interpreter) resumed(self int, s step, v any, err error) {
	in.awaiting[self] = false
	in.note("a%d(%s)", s.ID, result(v, err))
	for _, nested := range s.Ops {
		in.do(nested)
	}
}

// runs is the function of a run under a lock.
func (in *interpreter) runs(o op) deferred.Deferred[any] {
	v, err := in.act(o.D, o.Action, nil, nil)
	if d, ok := v.(deferred.Deferred[any]); ok {
		return d
	}
	return made(v, err)
}

// state renders what a Deferred has come to.
func (in *interpreter) state(i int) string {
	d := in.ds[i]
	v, err, ok := d.Result()
	switch {
	case in.body[i]:
		return "pending"
	case d.Waiting():
		return "waits"
	case !d.Called():
		return "not called"
	case !ok || d.Paused() != 0:
		return "paused"
	}
	return result(v, err)
}

func result(v any, err error) string {
	if err != nil {
		return "!" + render(err)
	}
	return show(v)
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case *deferred.Lock, *deferred.Semaphore:
		return "lock"
	case first:
		return fmt.Sprintf("(%s, %d)", show(v.Value), v.Index)
	case []deferred.Outcome[any]:
		return showAll(v, func(o deferred.Outcome[any]) string { return result(o.Value, o.Err) })
	case []any:
		return showAll(v, show)
	}
	return fmt.Sprint(v)
}

func showAll[T any](all []T, show func(T) string) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = show(v)
	}
	return "[" + strings.Join(texts, " ") + "]"
}

func render(err error) string {
	if p, ok := err.(*deferred.PanicError); ok {
		err = p.Unwrap() // here a panic is wrapped, as it has a stack
	}
	if f, ok := err.(*deferred.FirstError); ok {
		return fmt.Sprintf("FirstError(%d, %s)", f.Index, render(f.Err))
	}
	for target, name := range map[error]string{
		deferred.ErrAlreadyCalled: "AlreadyCalledError",
		deferred.ErrCancelled:     "CancelledError",
		deferred.ErrNotHeld:       "AssertionError",
		deferred.ErrQueueOverflow: "QueueOverflow", deferred.ErrQueueUnderflow: "QueueUnderflow",
	} {
		if err == target {
			return name
		}
	}
	if _, ok := errors.AsType[*deferred.TimeoutError](err); ok {
		return "TimeoutError"
	}
	return err.Error()
}
