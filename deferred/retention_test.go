package deferred_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// block is a value whose collection can be seen.
type block [1 << 12]byte

// watched returns a block and what tells that it was collected.
func watched() (*block, <-chan struct{}) {
	b, gone := new(block), make(chan struct{})
	runtime.AddCleanup(b, func(struct{}) { close(gone) }, struct{}{})
	return b, gone
}

// collected reports whether what gone tells of is collected.
func collected(gone <-chan struct{}) bool {
	for range 20 {
		runtime.GC()
		select {
		case <-gone:
			return true
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// A value that the chain has gone past is not kept: not behind a change of
// type, not while the chain waits, not beside a failure.
func TestD43_PastValuesAreNotKept(t *testing.T) {
	defer deferred.OnUnhandled(func(*deferred.UnhandledError) {})() // some fail, and are dropped
	size := func(b *block) (int, error) { return len(b), nil }
	inner := deferred.New[int]()
	for _, row := range []struct {
		name string
		run  func(b *block) any
	}{
		{"Then", func(b *block) any { return deferred.Then(deferred.Succeed(b), size) }},
		{"ThenBoth", func(b *block) any {
			return deferred.ThenBoth(deferred.Succeed(b), func(b *block, _ error) (int, error) { return size(b) })
		}},
		{"two changes", func(b *block) any {
			return deferred.Then(deferred.Then(deferred.Succeed(b), func(b *block) (any, error) { return b, nil }), func(v any) (int, error) { return 1, nil })
		}},
		{"the wait of another type", func(b *block) any {
			return deferred.ThenDeferred(deferred.Succeed(b), func(*block) deferred.Deferred[int] { return inner })
		}},
		{"the wait of the same type", func(b *block) any {
			return deferred.ThenDeferred(deferred.Succeed(b), func(*block) deferred.Deferred[*block] { return deferred.New[*block]() })
		}},
		{"a failed callback", func(b *block) any {
			return deferred.Succeed(b).AddCallback(func(*block) (*block, error) { return nil, errBoom })
		}},
		{"a callback that panics", func(b *block) any {
			return deferred.Succeed(b).AddCallback(func(*block) (*block, error) { panic(errBoom) })
		}},
		{"an inner one that has failed", func(b *block) any {
			return deferred.ThenDeferred(deferred.Succeed(b), func(*block) deferred.Deferred[*block] { return deferred.Fail[*block](errBoom) })
		}},
		{"ChainDeferred", func(b *block) any {
			return deferred.Succeed(b).ChainDeferred(deferred.New[*block]())
		}},
		{"a Gather that has fired", func(b *block) any {
			d := deferred.Succeed(b)
			deferred.Then(deferred.Gather([]deferred.Deferred[*block]{d}), func([]*block) (int, error) { return 1, nil })
			return d.AddCallback(func(*block) (*block, error) { return nil, nil })
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, gone := watched()
			d := row.run(b)
			b = nil
			if !collected(gone) {
				t.Errorf("%v keeps the value", d)
			}
			runtime.KeepAlive(d)
		})
	}
	runtime.KeepAlive(inner)
}
