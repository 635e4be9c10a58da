package conch_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// exec opens a session, runs command, and waits until the session is closed.
func exec(t *testing.T, r *reactor.Reactor, conn *sshtest.PlainConnection, command string, opened func(*sshtest.RecordingChannel)) sshtest.Events {
	t.Helper()
	var seen sshtest.Events
	channel := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		conn.SendRequest(c, "exec", conch.NS(command), true).AddBoth(func(_ []byte, err error) ([]byte, error) {
			seen.Add("exec answered, %v", err)
			if opened != nil {
				opened(c)
			}
			return nil, nil
		})
	})
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(channel)
		return channel.Done
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestChannel_Order runs a command and checks the order of events: C-CONN-32,
// 35, C-CHAN-4, and the adapter rules of C-CONN.
func TestChannel_Order(t *testing.T) {
	for name, server := range map[string]func(t *testing.T) sshtest.Target{
		"embedded": func(t *testing.T) sshtest.Target {
			_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
				fmt.Fprint(ch, "out")
				fmt.Fprint(ch.Stderr(), "err")
				return 3
			}})
			return to
		},
		"OpenSSH": func(t *testing.T) sshtest.Target { _, to := sshtest.OpenSSH(t); return to },
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			conn := sshtest.Connect(t, r, server(t))
			for range 20 {
				seen := exec(t, r, conn, "printf out; printf err >&2; exit 3", nil)
				n := len(seen)
				if !slices.Equal(seen[:2], []string{`ChannelOpen ""`, "exec answered, <nil>"}) ||
					!slices.Equal(seen[n-2:], []string{"CloseReceived", "Closed"}) {
					t.Fatalf("order %q", seen)
				}
				middle := slices.Sorted(slices.Values(seen[2 : n-2]))
				want := []string{`DataReceived "out"`, "EOFReceived", `ExtReceived 1 "err"`, "RequestReceived exit-status 00000003"}
				if eow := "RequestReceived eow@openssh.com "; slices.Contains(middle, eow) {
					want = append(want, eow)
				}
				if !slices.Equal(middle, want) {
					t.Fatalf("got %q, want %q", middle, want)
				}
			}
		})
	}
}

// TestChannel_RequestRefused: C-CONN-21.
func TestChannel_RequestRefused(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{NoSFTP: true})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	channel := sshtest.NewChannel(&seen, nil)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[[]byte] {
		answered := deferred.New[[]byte]()
		channel.Opened = func(c *sshtest.RecordingChannel) {
			conn.SendRequest(c, "subsystem", conch.NS("sftp"), true).AddCallbacks(func(v []byte) ([]byte, error) {
				answered.Callback(v)
				return nil, nil
			}, func(err error) ([]byte, error) {
				answered.Errback(err)
				return nil, nil
			})
		}
		conn.OpenChannel(channel)
		return answered
	})
	if refused, ok := errors.AsType[*conch.ConchError](err); !ok || refused.Value != "channel request failed" || !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("got %v", err)
	}
}

type oddChannel struct{ sshtest.RecordingChannel }

func (c *oddChannel) Name() string { return "odd" }

// TestChannel_OpenRefused: C-CONN-13, C-CHAN-6, and the numbering of C-CONN-11.
func TestChannel_OpenRefused(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	refused, granted := &oddChannel{*sshtest.NewChannel(&seen, nil)}, sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) { c.LoseConnection() })
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(refused)
		return refused.Done
	})
	if e, ok := errors.AsType[*conch.ConchError](err); !ok || e.Data != conch.OpenUnknownChannelType || !strings.Contains(e.Value, "only sessions") {
		t.Errorf("got %v", err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(granted)
		return granted.Done
	}); err != nil {
		t.Error(err)
	}
	sshtest.OnLoop(t, r, func() {
		id, _ := granted.ID()
		if want := []string{"OpenFailed", `ChannelOpen ""`, "Closed"}; id != 1 || !slices.Equal(seen, want) {
			t.Errorf("channel %d, events %q", id, seen)
		}
	})
}

// TestChannel_Echo sends data of many sizes and compares the reply. The first
// data is sent before the channel is open: C-CHAN-11, 16, 20, PORT-5.
func TestChannel_Echo(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	sent, received := sha256.New(), sha256.New()
	total, got := 0, 0
	random := rand.NewChaCha8([32]byte{1})
	exec(t, r, conn, "echo", func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) {
			received.Write(p)
			if got += len(p); got == total {
				c.LoseConnection()
			}
		})
		for _, size := range []int{1, 0, 31, 32 << 10, 32<<10 + 1, 3 << 20, 7} {
			p := make([]byte, size)
			_, _ = random.Read(p) // never fails
			sent.Write(p)
			total += size
			c.Write(p)
			clear(p) // C-CHAN: Write has copied it
		}
	})
	if got != total || !bytes.Equal(sent.Sum(nil), received.Sum(nil)) {
		t.Errorf("%d of %d bytes came back, or others", got, total)
	}
}

// TestChannel_WriteBeforeOpen: data is buffered until the channel is open,
// C-CHAN-16. Data after end-of-file is dropped: C-CHAN-17, C-CONN-40.
func TestChannel_WriteBeforeOpen(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	var text strings.Builder
	var seen sshtest.Events
	channel := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) { text.Write(p) })
		conn.SendRequest(c, "exec", conch.NS("echo"), true)
	})
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(channel)
		channel.Write([]byte("early "))
		channel.WriteSequence([][]byte{[]byte("bird"), []byte("s")})
		conn.SendEOF(channel)
		channel.Write([]byte("late"))
		return channel.Done
	})
	if err != nil || text.String() != "early birds" {
		t.Errorf("got %q, %v", text.String(), err)
	}
}

// TestChannel_Pause: a paused channel delivers no data, and its window stops
// the peer. After ResumeProducing all data arrives.
func TestChannel_Pause(t *testing.T) {
	const total = 8 << 20
	var written atomic.Int64
	stuck := make(chan struct{})
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		chunk := make([]byte, 32<<10)
		for range total / len(chunk) {
			n, err := ch.Write(chunk)
			if err != nil {
				return 1
			}
			if written.Add(int64(n)) == 2<<20 { // the window of x/crypto/ssh
				close(stuck)
			}
		}
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	got := 0
	paused := deferred.New[*sshtest.RecordingChannel]()
	var seen sshtest.Events
	channel := sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func(p []byte) { got += len(p) })
		c.PauseProducing()
		conn.SendRequest(c, "exec", conch.NS("flood"), true).AddCallback(func([]byte) ([]byte, error) {
			paused.Callback(c)
			return nil, nil
		})
	})
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[*sshtest.RecordingChannel] {
		conn.OpenChannel(channel)
		return paused
	}); err != nil {
		t.Fatal(err)
	}
	<-stuck
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		if got != 0 {
			t.Errorf("%d bytes were delivered to a paused channel", got)
		}
		if n := written.Load(); n > 3<<20 {
			t.Errorf("the peer could send %d bytes to a paused channel", n)
		}
		channel.ResumeProducing()
		return channel.Done
	}); err != nil {
		t.Fatal(err)
	}
	sshtest.OnLoop(t, r, func() {
		if got != total {
			t.Errorf("got %d bytes of %d", got, total)
		}
	})
}

// TestChannel_Panic: a panic in a hook closes only that channel.
func TestChannel_Panic(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	exec(t, r, conn, "echo", func(c *sshtest.RecordingChannel) {
		c.SetDataReceived(func([]byte) { panic("in a hook") })
		c.Write([]byte("x"))
	})
	exec(t, r, conn, "echo", func(c *sshtest.RecordingChannel) { c.LoseConnection() })
}

// TestReactor_StopInTheMiddle: when the reactor stops, all connections and
// goroutines end.
func TestReactor_StopInTheMiddle(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Echo})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	sshtest.OnLoop(t, r, func() {
		conn.OpenChannel(sshtest.NewChannel(&seen, func(c *sshtest.RecordingChannel) {
			c.PauseProducing()
			conn.SendRequest(c, "exec", conch.NS("echo"), true)
			c.Write(make([]byte, 8<<20))
		}))
	})
	waiting := sshtest.Target{User: to.User, Host: to.Host, Port: to.Port, Options: to.Options}
	sshtest.OnLoop(t, r, func() {
		waiting.Connect(r, &sshtest.PlainConnection{}).AddErrback(func(error) (struct{}, error) { return struct{}{}, nil })
	})
	// The reactor is stopped, and the goroutines are counted, when the test ends.
}
