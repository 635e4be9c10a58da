package conch

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
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

// hangingMux is a connection of x/crypto/ssh that never answers.
type hangingMux struct {
	gossh.Conn
	release chan struct{}
}

func (m *hangingMux) OpenChannel(string, []byte) (gossh.Channel, <-chan *gossh.Request, error) {
	<-m.release
	return nil, nil, errors.New("too late")
}

// openingChannel notes how its opening ended.
type openingChannel struct {
	SSHChannel
	failed []error
}

func (c *openingChannel) Name() string            { return "x" }
func (c *openingChannel) OpenFailed(reason error) { c.failed = append(c.failed, reason) }

// TestF32_OpenNeverAnswered: an opening that x/crypto/ssh never answers fails
// with the connection, once, and the transport does not wait for it.
func TestF32_OpenNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reactor.New(reactor.Options{})
		mux := &hangingMux{release: make(chan struct{})}
		tr := &SSHTransport{r: r, mux: mux, abandoned: make(chan struct{})}
		tr.ctx, tr.end = context.WithCancelCause(t.Context())
		tr.socket = newSocket(tr.ctx, readOnly{}, nil, &tr.work)
		conn := &SSHConnection{}
		if err := tr.SetService(conn); err != nil {
			t.Fatal(err)
		}
		c := &openingChannel{}
		conn.OpenChannel(c)
		long := &openingChannel{}
		conn.OpenChannel(long, make([]byte, maxPayload))
		synctest.Wait()
		tr.connectionLost(lostBecause(io.EOF))
		synctest.Wait()
		if len(c.failed) != 1 || !errors.Is(c.failed[0], ErrConnectionLost) {
			t.Errorf("failed with %v", c.failed)
		}
		if !tr.work.IsIdle() {
			t.Error("the transport waits for the answer")
		}
		close(mux.release)
		synctest.Wait()
		if err := r.Iterate(0); err != nil || len(c.failed) != 1 || len(long.failed) != 1 {
			t.Errorf("%v, %d and %d failures after the late answer", err, len(c.failed), len(long.failed))
		}
	})
}
