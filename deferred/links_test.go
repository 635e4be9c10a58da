package deferred

import (
	"math/rand/v2"
	"testing"
)

// numberedLink is a link that can be told from others.
type numberedLink int

func (numberedLink) run(*chain) *chain { return nil }

func TestD5_LinksBehaveLikeASlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var q links
		var model []numberedLink
		for i := range rnd.IntN(100) {
			switch {
			case rnd.IntN(5) < 3:
				q.add(numberedLink(i))
				model = append(model, numberedLink(i))
			case len(model) > 0:
				got := q.take()
				if got != model[0] {
					t.Fatalf("took %v, want %v", got, model[0])
				}
				model = model[1:]
				for range rnd.IntN(20) { // while the link runs
					q.add(numberedLink(-i))
					model = append(model, numberedLink(-i))
				}
				if rnd.IntN(3) == 0 {
					q.putBack(got)
					model = append([]numberedLink{got.(numberedLink)}, model...)
				}
			default:
				q.forget()
			}
			if int(q.n) != len(model) {
				t.Fatalf("%d links, want %d", q.n, len(model))
			}
		}
	}
}
