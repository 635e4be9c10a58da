package conch

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/reactor"
)

// TestTransport_Enter: requests of a peer wait outside the reactor's queue
// until the loop takes them or the connection ends.
func TestTransport_Enter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactor.New(reactor.Options{})
		tr := &SSHTransport{r: r, unseen: make(chan struct{}, maxUnseen)}
		tr.ctx, tr.end = context.WithCancelCause(t.Context())
		var entered atomic.Int64
		seen := 0
		go func() { // ends with the connection
			for range 3 * maxUnseen {
				tr.enter(func() { seen++ })
				entered.Add(1)
			}
		}()
		for turns := range 2 {
			synctest.Wait()
			if n := int(entered.Load()); n != (turns+1)*maxUnseen || seen != turns*maxUnseen {
				t.Errorf("after %d turns %d have entered, %d are seen", turns, n, seen)
			}
			if turns == 0 {
				if err := r.Iterate(0); err != nil {
					t.Fatal(err)
				}
			}
		}
		tr.end(ErrClosedLocally)
		synctest.Wait()
		if n := entered.Load(); n != 3*maxUnseen {
			t.Errorf("after the end %d have entered", n)
		}
	})
}
