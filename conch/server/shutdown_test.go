package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// shutdown begins a Shutdown, and returns a channel with its result.
func (b *bed) shutdown(limit time.Duration) (result chan error) {
	result = make(chan error, 1)
	b.onLoop(func() {
		b.f.Shutdown(b.r, limit).OnResult(func(_ struct{}, err error) { result <- err })
	})
	return result
}

// running starts a command of a client.
func running(t *testing.T, client *gossh.Client, command string) *gossh.Session {
	t.Helper()
	s, err := client.NewSession()
	if err == nil {
		err = s.Start(command)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestV_LIMITS_28_ShutdownOfNothing: without connections there is nothing to
// wait for. A port that starts later serves again.
func TestV_LIMITS_28_ShutdownOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(waits, nil)))
		for _, limit := range []time.Duration{time.Hour, 0, -1} {
			began := time.Now()
			if err := <-b.shutdown(limit); err != nil || time.Since(began) != 0 {
				t.Errorf("%v: %v after %v", limit, err, time.Since(began))
			}
		}
		c := b.attach(from("192.0.2.1"))
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a new connection got %d bytes, %v", n, err)
		}
		b.onLoop(b.f.StartFactory)
		b.isServed()
	})
}

// TestV_LIMITS_28_Shutdown: connections in each state. Those without a channel
// end at once, sessions may end within the limit, and no goroutine is left.
func TestV_LIMITS_28_Shutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(func(ctx context.Context, c *server.Command) int {
			if c.Line == "minute" {
				<-time.After(time.Minute)
				_, _ = io.WriteString(c.Stdout, "done") // the client takes it
				return 7
			}
			return waits(ctx, c)
		}, map[string]opener{"echo": echoes("echo")})))
		silent := b.attach(from("192.0.2.1"))
		idle := b.dial(b.attach(from("192.0.2.2")))
		works := b.dial(b.attach(from("192.0.2.3")))
		session, err := works.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.StdoutPipe()
		if err == nil {
			err = session.Start("minute")
		}
		if err != nil {
			t.Fatal(err)
		}
		stays := b.dial(b.attach(from("192.0.2.4")))
		running(t, stays, "for ever")

		began := time.Now()
		result := b.shutdown(10 * time.Minute)
		if _, err := io.Copy(io.Discard, silent); err != nil {
			t.Error(err)
		}
		_ = idle.Wait() // any end will do
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("idle connections ended after %v", took)
		}
		late := b.attach(from("192.0.2.5"))
		if n, err := late.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a new connection got %d bytes, %v", n, err)
		}
		if _, err := works.NewSession(); err == nil {
			t.Error("a new session was opened")
		}
		text, _ := io.ReadAll(out)
		err = session.Wait()
		if exit, ok := errors.AsType[*gossh.ExitError](err); string(text) != "done" || !ok || exit.ExitStatus() != 7 {
			t.Errorf("%q, %v", text, err)
		}
		_ = works.Wait() // any end will do
		if took := time.Since(began); took < time.Minute || took > time.Minute+3*time.Second {
			t.Errorf("the session ended after %v", took)
		}
		synctest.Wait()
		if n := b.connections(); n != 1 {
			t.Errorf("%d connections are left", n)
		}
		if err := <-result; err != nil || time.Since(began) != 10*time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if n := b.connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// TestV_LIMITS_28_NowAndCancelled: without a limit, and when the Deferred is
// cancelled, all connections end at once.
func TestV_LIMITS_28_NowAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(waits, nil)))
		for _, cancel := range []bool{false, true} {
			b.onLoop(b.f.StartFactory)
			client := b.dial(b.attach(from("192.0.2.1")))
			running(t, client, "x")
			began := time.Now()
			var err error
			if cancel {
				result := make(chan error, 1)
				b.onLoop(func() {
					d := b.f.Shutdown(b.r, time.Hour)
					d.OnResult(func(_ struct{}, err error) { result <- err })
					d.Cancel()
				})
				if err = <-result; errors.Is(err, deferred.ErrCancelled) {
					err = nil
				}
			} else {
				err = <-b.shutdown(0)
			}
			_ = client.Wait() // any end will do
			if err != nil || time.Since(began) != 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
	})
}

// TestV_LIMITS_28_DeafHandler: a handler that does not obey its context does not
// hold Shutdown up for ever.
func TestV_LIMITS_28_DeafHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		b := inMemory(t, withUser(nil, handling(func(context.Context, *server.Command) int {
			<-end
			return 0
		}, nil)))
		client := b.dial(b.attach(from("192.0.2.1")))
		running(t, client, "x")
		began := time.Now()
		if err := <-b.shutdown(time.Second); !errors.Is(err, server.ErrShutdownTimeout) || time.Since(began) != 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(end)
		if err := <-b.shutdown(time.Hour); err != nil || time.Since(began) != 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestV_LIMITS_28_StuckClients: clients that do not read, have begun a key
// exchange, or are being refused, end with the limit.
func TestV_LIMITS_28_StuckClients(t *testing.T) {
	b := inMemory(t, withUser(func(f *server.SSHFactory) { f.MaxStartups = server.LimitStartups(1) }, handling(waits, nil)))
	ours, theirs := b.attachStuck()
	s := b.rawIn(ours)
	if _, err := s.open("session", 0, 0); err != nil {
		t.Fatal(err)
	}
	theirs.stuck.Store(true)
	if err := s.send(requestMessage(0, "x", true)); err != nil {
		t.Fatal(err)
	}
	other := b.rawIn(b.attach(from("192.0.2.8")))
	if err := other.send(kexInit()); err != nil {
		t.Fatal(err)
	}
	b.attach(from("192.0.2.9")) // has not logged in
	b.attach(from("192.0.2.9")) // is refused
	if err := <-b.shutdown(time.Millisecond); err != nil {
		t.Error(err)
	}
	if n := b.connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// TestV_LIMITS_28_RealShutdown: after Shutdown and the end of the port no
// goroutine is left, although the reactor still runs.
func TestV_LIMITS_28_RealShutdown(t *testing.T) {
	b := serve(t, withUser(nil, handling(waits, nil)))
	var clients []*gossh.Client
	for range 5 {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		client := b.dial(c)
		running(t, client, "x")
		clients = append(clients, client)
	}
	if _, err := reactor.Await(t.Context(), b.r, func() deferred.Deferred[struct{}] { return b.f.Shutdown(b.r, time.Millisecond) }); err != nil {
		t.Error(err)
	}
	for _, client := range clients {
		_ = client.Wait() // any end will do
	}
	left := connectionGoroutines()
	for tries := 0; left != "" && tries < 100_000; tries++ {
		runtime.Gosched() // lets goroutines return
		left = connectionGoroutines()
	}
	if left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// connectionGoroutines returns the stacks of the goroutines of SSH connections.
func connectionGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		_, creator, _ := strings.Cut(stack, "\ncreated by ")
		if strings.HasPrefix(creator, "github.com/hawser-go/hawser/conch/") || strings.HasPrefix(creator, "golang.org/x/crypto/ssh") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
