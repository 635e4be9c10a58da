package deferred_test

import (
	"math/rand/v2"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// Whatever the order in which a circle is closed, the Deferred that closes it
// fails, and the failure reaches all others.
func TestF62_D64_CirclesOfEveryLength(t *testing.T) {
	for n := 1; n <= 12; n++ {
		for seed := range uint64(20) {
			order := rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)
			ds := make([]deferred.Deferred[int], n)
			for i := range ds {
				d := deferred.New[int]()
				ds[i] = deferred.ThenDeferred(d, func(int) deferred.Deferred[int] { return ds[(i+1)%n] })
			}
			branches := make([]deferred.Deferred[int], n)
			for i, d := range ds { // chains that wait, but are not in the circle
				branches[i] = deferred.ThenDeferred(deferred.Succeed(0), func(int) deferred.Deferred[int] { return d })
			}
			failed := 0
			for _, i := range order {
				ds[i].Callback(i)
			}
			for _, d := range append(ds, branches...) {
				if !d.Called() || d.Waiting() {
					t.Fatalf("circle of %d in order %v: %v waits for ever", n, order, d)
				}
				d.OnError(func(error) { failed++ })
			}
			if failed == 0 {
				t.Fatalf("circle of %d in order %v: nobody was told", n, order)
			}
		}
	}
}
