package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// users gives each user an avatar that fill has filled.
type users struct{ fill func(*server.ConchUser) }

func (u users) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	avatar := &server.ConchUser{}
	u.fill(avatar)
	return deferred.Succeed[server.Avatar](avatar)
}

// withUser lets u with the password secret in.
func withUser(change func(*server.SSHFactory), fill func(*server.ConchUser)) func(*server.SSHFactory) {
	return func(f *server.SSHFactory) {
		f.Portal = cred.NewPortal(users{fill}, passwords("u", "secret"))
		if change != nil {
			change(f)
		}
	}
}

type opener = func(data []byte) deferred.Deferred[conch.Channel]

// handling lets the user run commands, and open the channel types of a table.
func handling(handle func(context.Context, *server.Command) int, more map[string]opener) func(*server.ConchUser) {
	return func(u *server.ConchUser) {
		u.Channels = map[string]opener{
			"session": server.NewSession(u, func() server.Session { return &server.HandlerSession{Handle: handle, Shells: true} }),
		}
		for name, open := range more {
			u.Channels[name] = open
		}
	}
}

// waits is a command that runs until the client goes.
func waits(ctx context.Context, _ *server.Command) int {
	<-ctx.Done()
	return 0
}

// echoChannel sends back what it receives.
type echoChannel struct {
	conch.SSHChannel
	kind string
}

func (c *echoChannel) Name() string          { return c.kind }
func (c *echoChannel) DataReceived(p []byte) { c.Write(p) }

func echoes(kind string) opener {
	return func([]byte) deferred.Deferred[conch.Channel] {
		return deferred.Succeed[conch.Channel](&echoChannel{kind: kind})
	}
}

// dial logs in over a connection.
func (b *bed) dial(c net.Conn) *gossh.Client {
	b.t.Helper()
	conn, channels, requests, err := gossh.NewClientConn(c, "server", b.config("u", gossh.Password("secret")))
	if err != nil {
		b.t.Fatal(err)
	}
	client := gossh.NewClient(conn, channels, requests)
	b.t.Cleanup(func() { client.Close() })
	return client
}

// rawIn logs in over a connection with a client that sends packets.
func (b *bed) rawIn(c net.Conn) *rawSSH {
	b.t.Helper()
	s, err := newRawSSH(&rawClient{conn: c, r: newReader(c)})
	if err == nil {
		err = s.authenticate()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if got, err := s.password("u", "secret"); got != success {
		b.t.Fatal(got, err)
	}
	return s
}

// Messages of a client (RFC 4254).
func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func openMessage(kind string, id, window uint32, data ...byte) []byte {
	return join([]byte{90}, str([]byte(kind)), number(id), number(window), number(32<<10), data)
}

func requestMessage(id uint32, name string, wantReply bool, data ...byte) []byte {
	return join([]byte{98}, number(id), str([]byte(name)), boolByte(wantReply), data)
}

func globalMessage(name string, wantReply bool, data ...byte) []byte {
	return join([]byte{80}, str([]byte(name)), boolByte(wantReply), data)
}

func boolByte(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// open opens a channel with a window, and returns the number that the server has
// given it.
func (s *rawSSH) open(kind string, id, window uint32, data ...byte) (uint32, error) {
	if err := s.send(openMessage(kind, id, window, data...)); err != nil {
		return 0, err
	}
	p, err := s.expect(91, 92)
	if err == nil && p[0] == 92 {
		err = fmt.Errorf("refused with reason %d: %q", binary.BigEndian.Uint32(p[5:]), p[9:])
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(p[5:]), nil
}

// stuckConn is the server's end of a connection. Its writes can be made to block
// until Close.
type stuckConn struct {
	net.Conn
	stuck  atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (c *stuckConn) Write(p []byte) (int, error) {
	if c.stuck.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *stuckConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// attachStuck is attach with a stuckConn.
func (b *bed) attachStuck() (net.Conn, *stuckConn) {
	ours, theirs := sshtest.MemPipe()
	c := &stuckConn{Conn: theirs, closed: make(chan struct{})}
	b.attachConn(addressed{c, from("192.0.2.7")})
	return ours, c
}

// onLoop runs f on the loop of the server.
func (b *bed) onLoop(f func()) {
	b.t.Helper()
	if _, err := reactor.Await(context.Background(), b.r, func() deferred.Deferred[struct{}] {
		f()
		return deferred.Succeed(struct{}{})
	}); err != nil {
		b.t.Error(err)
	}
}

// connections returns the number of connections of the server.
func (b *bed) connections() (n int) {
	b.t.Helper()
	b.onLoop(func() { n = b.f.Connections() })
	return n
}

// isServed checks that another client can run a command.
func (b *bed) isServed() {
	b.t.Helper()
	client := b.dial(b.attach(from("192.0.2.200")))
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := s.Start("x"); err != nil {
		b.t.Fatal(err)
	}
}

// TestV_LIMITS_20_MaxChannels: all channels of a connection are counted, those
// that the server opens too. A closed one makes room.
func TestV_LIMITS_20_MaxChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var avatars []*server.ConchUser
		b := inMemory(t, withUser(func(f *server.SSHFactory) { f.MaxChannels, f.MaxSessions = 4, 2 }, func(u *server.ConchUser) {
			avatars = append(avatars, u)
			handling(waits, map[string]opener{"echo": echoes("echo")})(u)
		}))
		client := b.dial(b.attach(from("192.0.2.1")))
		open := func(kind string) (gossh.Channel, gossh.RejectionReason) {
			ch, requests, err := client.OpenChannel(kind, nil)
			if refused, ok := errors.AsType[*gossh.OpenChannelError](err); ok {
				return nil, refused.Reason
			} else if err != nil {
				t.Fatal(err)
			}
			go gossh.DiscardRequests(requests) // ends with the channel
			return ch, 0
		}
		for i, step := range []struct {
			kind string
			want gossh.RejectionReason
		}{{"session", 0}, {"session", 0}, {"session", gossh.ConnectionFailed}, {"echo", 0}} {
			if _, got := open(step.kind); got != step.want {
				t.Errorf("step %d: %v", i, got)
			}
		}
		last, _ := open("echo")
		if _, got := open("echo"); got != gossh.ResourceShortage {
			t.Errorf("a fifth channel: %v", got)
		}
		ours := &failedChannel{}
		b.onLoop(func() { avatars[0].Conn().OpenChannel(ours) })
		synctest.Wait()
		var refused *conch.ConchError
		if b.onLoop(func() { refused, _ = errors.AsType[*conch.ConchError](ours.reason) }); refused == nil || refused.Data != conch.OpenResourceShortage {
			t.Errorf("a fifth channel of the server: %v", refused)
		}
		last.Close()
		synctest.Wait()
		if _, got := open("echo"); got != 0 {
			t.Errorf("after a close: %v", got)
		}
		b.isServed()
	})
	for limit, want := range map[int]int{0: server.DefaultMaxChannels, -1: 400} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(func(f *server.SSHFactory) { f.MaxChannels = limit }, handling(waits, map[string]opener{"echo": echoes("echo")})))
			client := b.dial(b.attach(from("192.0.2.1")))
			n := 0
			for ; n < 400; n++ {
				_, requests, err := client.OpenChannel("echo", nil)
				if err != nil {
					break
				}
				go gossh.DiscardRequests(requests) // ends with the channel
			}
			if n != want {
				t.Errorf("limit %d: %d channels", limit, n)
			}
		})
	}
}

type failedChannel struct {
	conch.SSHChannel
	reason error
}

func (c *failedChannel) Name() string            { return "mine" }
func (c *failedChannel) OpenFailed(reason error) { c.reason = reason }

// TestV_LIMITS_21_ClientAlive: a silent client is asked each interval, with a
// request that wants a reply. Any answer is life.
func TestV_LIMITS_21_ClientAlive(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(*server.SSHFactory)
		answers bool
		want    time.Duration // until the end; 0 means that there is none
	}{
		"default":          {nil, false, 150 * time.Second},
		"own":              {func(f *server.SSHFactory) { f.ClientAliveInterval, f.ClientAliveCountMax = time.Second, 2 }, false, 3 * time.Second},
		"off":              {func(f *server.SSHFactory) { f.ClientAliveInterval = -1 }, false, 0},
		"failure is alive": {nil, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(tt.change, handling(waits, nil)))
			c := b.attach(from("192.0.2.1"))
			s := b.rawIn(c)
			began := time.Now()
			time.AfterFunc(time.Hour, func() { c.Close() })
			for {
				p, err := s.receive()
				if err != nil {
					break
				}
				if string(p) == string(globalMessage("keepalive@openssh.com", true)) {
					if tt.answers {
						_ = s.send([]byte{82}) // REQUEST_FAILURE; the connection may have ended
					}
				} else if !strings.Contains(string(p), "hostkeys-00") {
					t.Errorf("%s: %q", name, p)
				}
			}
			want := tt.want
			if want == 0 {
				want = time.Hour
			}
			if took := time.Since(began); took != want {
				t.Errorf("%s: ended after %v", name, took)
			}
		})
	}
}

// TestV_LIMITS_25_TakesNothing: a client that sends, but whose socket takes
// nothing, loses the connection after the time of ClientAlive. So does a client
// that begins a key exchange and does not complete it.
func TestV_LIMITS_25_TakesNothing(t *testing.T) {
	for name, stop := range map[string]func(*rawSSH, *stuckConn) error{
		"socket":                         func(_ *rawSSH, c *stuckConn) error { c.stuck.Store(true); return nil },
		"V-LIMITS-26 begun key exchange": func(s *rawSSH, _ *stuckConn) error { return s.send(kexInit()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(nil, handling(waits, nil)))
			ours, theirs := b.attachStuck()
			s := b.rawIn(ours)
			if _, err := s.receive(); err != nil { // the host keys; a bubble does not allow two blocked writes
				t.Fatal(err)
			}
			if err := stop(s, theirs); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for s.send(join([]byte{2}, str(nil))) == nil { // IGNORE
				if time.Since(began) > time.Hour {
					t.Fatalf("%s: the connection goes on", name)
				}
				<-time.After(time.Second)
			}
			if took := time.Since(began); took < 150*time.Second || took > 190*time.Second {
				t.Errorf("%s: ended after %v", name, took)
			}
			synctest.Wait()
			if found := b.log.Take("does not take data any more"); len(found) == 0 {
				t.Errorf("%s: no reason", name)
			}
			b.isServed()
		})
	}
}

// TestV_LIMITS_25_WindowZero: the source of output pauses while a client grants
// no window, and another client is served. The command ends with the client.
func TestV_LIMITS_25_WindowZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		ended := make(chan error, 1)
		b := inMemory(t, withUser(nil, handling(func(ctx context.Context, c *server.Command) int {
			if c.Line != "flood" {
				return waits(ctx, c)
			}
			for {
				n, err := c.Stdout.Write(make([]byte, 32<<10))
				if written.Add(int64(n)); err != nil {
					ended <- err
					return 1
				}
			}
		}, nil)))
		c := b.attach(from("192.0.2.1"))
		s := b.rawIn(c)
		id, err := s.open("session", 0, 0)
		if err == nil {
			err = s.send(requestMessage(id, "exec", true, str([]byte("flood"))...))
		}
		if err == nil {
			_, err = s.expect(99)
		}
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := written.Load(); n > 1<<20 {
			t.Errorf("%d bytes were taken", n)
		}
		b.isServed()
		c.Close()
		if err := <-ended; !errors.Is(err, conch.ErrConnectionLost) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// flooded checks what a flood of messages does to a server that cannot send to
// the client. Another client is served meanwhile.
func flooded(t *testing.T, prepare func(*rawSSH) error, message func(i int) []byte) {
	never := func([]byte) deferred.Deferred[conch.Channel] { return deferred.New[conch.Channel]() }
	b := inMemory(t, withUser(nil, handling(waits, map[string]opener{"echo": echoes("echo"), "never": never})))
	ours, theirs := b.attachStuck()
	s := b.rawIn(ours)
	if prepare != nil {
		if err := prepare(s); err != nil {
			t.Fatal(err)
		}
	}
	theirs.stuck.Store(true)
	for sent := range 5000 {
		if s.send(message(sent)) != nil {
			break
		}
		if sent == 500 {
			b.isServed()
		}
	}
	b.wait("peer exceeded a limit")
	if n := b.connections(); n > 1 { // isServed has closed its own, and the server may not know yet
		t.Errorf("%d connections are left", n)
	}
}

// TestV_LIMITS_24_Floods: a client that sends messages without end, and takes no
// answers, loses the connection.
func TestV_LIMITS_24_Floods(t *testing.T) {
	session := func(s *rawSSH) error {
		_, err := s.open("session", 0, 1<<20)
		return err
	}
	env := join(str([]byte("LANG")), str([]byte(strings.Repeat("x", 1000))))
	for name, tt := range map[string]struct {
		prepare func(*rawSSH) error
		message func(i int) []byte
	}{
		"unknown channels":   {nil, func(i int) []byte { return openMessage("x", uint32(i), 0) }},
		"channels":           {nil, func(i int) []byte { return openMessage("echo", uint32(i), 0) }},
		"undecided channels": {nil, func(i int) []byte { return openMessage("never", uint32(i), 0) }},
		"global requests":    {nil, func(int) []byte { return globalMessage("x", true) }},
		"forwarding requests": {nil, func(i int) []byte {
			return globalMessage("tcpip-forward", true, append(str(nil), number(uint32(i))...)...)
		}},
		"channel requests":       {session, func(int) []byte { return requestMessage(0, "x", true) }},
		"variables":              {session, func(int) []byte { return requestMessage(0, "env", true, env...) }},
		"sizes of no terminal":   {session, func(int) []byte { return requestMessage(0, "window-change", true, make([]byte, 16)...) }},
		"requests of keepalive":  {session, func(int) []byte { return requestMessage(0, "keepalive@openssh.com", true) }},
		"host keys to be proved": {nil, func(int) []byte { return globalMessage("hostkeys-prove-00@openssh.com", true, str([]byte("x"))...) }},
	} {
		t.Run(name, func(t *testing.T) { flooded(t, tt.prepare, tt.message) })
	}
}

// TestV_LIMITS_24_SlowHook: a hook that does not answer does not stop the other
// channels. More requests than the limit end the connection.
func TestV_LIMITS_24_SlowHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, func(u *server.ConchUser) {
			handling(waits, map[string]opener{"echo": echoes("echo")})(u)
			u.GlobalRequests = map[string]func([]byte) deferred.Deferred[[]byte]{
				"slow": func([]byte) deferred.Deferred[[]byte] { return deferred.New[[]byte]() },
			}
		}))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		for range 128 {
			if err := s.send(globalMessage("slow", true)); err != nil {
				t.Fatal(err)
			}
		}
		id, err := s.open("echo", 7, 1<<20)
		if err == nil {
			err = s.send(join([]byte{94}, number(id), str([]byte("data"))))
		}
		if err == nil {
			_, err = s.expect(94)
		}
		if err != nil {
			t.Error(err)
		}
		if err := s.send(globalMessage("slow", false)); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = s.receive()
		}
		synctest.Wait()
		if len(b.log.Take("too many unanswered requests")) == 0 {
			t.Error(err)
		}
	})
}

// TestV_LIMITS_24_MuchIsServed: a client that takes the answers may send as much
// as it wants, and the answers keep the order: V-FORWARD-13.
func TestV_LIMITS_24_MuchIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, func(u *server.ConchUser) {
			handling(waits, nil)(u)
			n := byte(0)
			u.GlobalRequests = map[string]func([]byte) deferred.Deferred[[]byte]{
				"count": func([]byte) deferred.Deferred[[]byte] { n++; return deferred.Succeed([]byte{n}) },
				"later": func([]byte) deferred.Deferred[[]byte] {
					d := deferred.New[[]byte]()
					u.Conn().Transport().Reactor().CallLater(time.Second, func() { d.Callback([]byte("later")) })
					return d
				},
			}
		}))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		for i := range 3000 {
			name := []string{"unknown", "count", "later"}[i%3]
			if i > 30 {
				name = "unknown"
			}
			if err := s.send(globalMessage(name, i%7 != 0)); err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 {
				continue
			}
			if i == 29 {
				for j := range 30 {
					if j%7 == 0 {
						continue
					}
					p, err := s.expect(81, 82)
					if err != nil {
						t.Fatal(err)
					}
					want := []string{"R", fmt.Sprintf("Q%c", 1+j/3), "Qlater"}[j%3]
					if string(p) != want {
						t.Errorf("answer %d: %q, want %q", j, p, want)
					}
				}
			} else if i > 29 {
				if _, err := s.expect(81, 82); err != nil {
					t.Fatal(i, err)
				}
			}
		}
		b.isServed()
	})
}

// TestCVE_2026_39827_RefusedChannels: refused channels leave nothing, neither
// here nor in x/crypto/ssh, which would give the next one a higher number.
func TestCVE_2026_39827_RefusedChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var avatar *server.ConchUser
		b := inMemory(t, withUser(func(f *server.SSHFactory) { f.MaxSessions = -1 }, func(u *server.ConchUser) {
			avatar = u
			handling(waits, map[string]opener{
				"echo":  echoes("echo"),
				"fails": func([]byte) deferred.Deferred[conch.Channel] { return deferred.Fail[conch.Channel](errTest) },
				"nil":   func([]byte) deferred.Deferred[conch.Channel] { return deferred.Succeed[conch.Channel](nil) },
				"panic": func([]byte) deferred.Deferred[conch.Channel] { panic("as planned") },
			})(u)
		}))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		for i := range 500 {
			for _, kind := range []string{"unknown", "fails", "nil", "panic", "session", "direct-tcpip"} {
				if _, err := s.open(kind, uint32(i), 1); err == nil {
					t.Fatal(kind, "was opened")
				}
			}
		}
		if id, err := s.open("echo", 0, 1); id != 0 || err != nil {
			t.Errorf("number %d, %v", id, err)
		}
		n := 0
		if b.onLoop(func() { n = avatar.Conn().NumChannels() }); n != 1 {
			t.Errorf("%d channels", n)
		}
	})
}

// TestCVE_2026_39830_AnswersNobodyAskedFor: answers to no request are dropped,
// and do not stop the connection.
func TestCVE_2026_39830_AnswersNobodyAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(waits, map[string]opener{"echo": echoes("echo")})))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		id, err := s.open("echo", 3, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for range 500 {
			for _, message := range [][]byte{{81}, {82}, join([]byte{99}, number(id)), join([]byte{100}, number(id))} {
				if err := s.send(message); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.send(join([]byte{94}, number(id), str([]byte("data")))); err != nil {
			t.Fatal(err)
		}
		if p, err := s.expect(94); err != nil || !strings.HasSuffix(string(p), "data") {
			t.Error(p, err)
		}
	})
}

// TestCVE_2026_56855_78662_UndecidedChannel: messages for a channel that nobody
// has accepted yet do not stop the connection, and are dropped.
func TestCVE_2026_56855_78662_UndecidedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		decide := deferred.New[conch.Channel]()
		slow := func([]byte) deferred.Deferred[conch.Channel] { return decide }
		b := inMemory(t, withUser(nil, handling(waits, map[string]opener{"echo": echoes("echo"), "slow": slow})))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		if err := s.send(openMessage("slow", 5, 1<<20)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 500 { // x/crypto/ssh gives the first channel the number 0
			for _, message := range [][]byte{requestMessage(0, "x", true), join([]byte{94}, number(0), str(make([]byte, 1000))), join([]byte{93}, number(0), number(1))} {
				if err := s.send(message); err != nil {
					t.Fatal(err)
				}
			}
		}
		id, err := s.open("echo", 6, 1<<20)
		if err != nil || id != 1 {
			t.Fatal(id, err)
		}
		b.onLoop(func() { decide.Callback(&echoChannel{kind: "slow"}) })
		if p, err := s.expect(91); err != nil || binary.BigEndian.Uint32(p[1:]) != 5 {
			t.Fatal(p, err)
		}
		if err := s.send(join([]byte{94}, number(0), str([]byte("after")))); err != nil {
			t.Fatal(err)
		}
		if p, err := s.expect(94); err != nil || !strings.HasSuffix(string(p), "after") {
			t.Error(p, err)
		}
	})
}

// TestCVE_2025_22869_OutputDuringKeyExchange: while a client does not complete a
// key exchange, the output of a command waits at its source.
func TestCVE_2025_22869_OutputDuringKeyExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		begin := make(chan struct{})
		b := inMemory(t, withUser(nil, handling(func(ctx context.Context, c *server.Command) int {
			if c.Line != "flood" {
				return waits(ctx, c)
			}
			<-begin
			for {
				n, err := c.Stdout.Write(make([]byte, 32<<10))
				if written.Add(int64(n)); err != nil {
					return 1
				}
			}
		}, nil)))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		id, err := s.open("session", 0, 1<<31)
		if err == nil {
			err = s.send(requestMessage(id, "exec", true, str([]byte("flood"))...))
		}
		if err == nil {
			_, err = s.expect(99)
		}
		if err == nil {
			err = s.send(kexInit())
		}
		if err == nil {
			_, err = s.expect(20)
		}
		if err != nil {
			t.Fatal(err)
		}
		close(begin)
		synctest.Wait()
		if n := written.Load(); n > 4<<20 { // x/crypto/ssh keeps 64 packets of 32 KiB
			t.Errorf("%d bytes were taken", n)
		}
		b.isServed()
		<-time.After(10 * time.Minute) // ClientAlive ends the connection
		if n := b.connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// TestV_LIMITS_27_Idle: an idle connection has few goroutines and little memory.
func TestV_LIMITS_27_Idle(t *testing.T) {
	b := serve(t, withUser(nil, handling(waits, nil)))
	const n = 20
	measure := func() (goroutines int, heap int64) {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // also what had a cleanup
		runtime.ReadMemStats(&stats)
		return runtime.NumGoroutine(), int64(stats.HeapAlloc + stats.StackInuse)
	}
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	b.dial(c) // what is made once
	goroutines, heap := measure()
	for range n {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		b.dial(c)
	}
	moreGoroutines, moreHeap := measure()
	each, size := (moreGoroutines-goroutines)/n, (moreHeap-heap)/n>>10
	t.Logf("server and client together: %d goroutines, %d KiB", each, size)
	if each > 14 || size > 300 {
		t.Errorf("a connection takes %d goroutines and %d KiB", each, size)
	}
}

// TestV_CLIENTS_1_Pipelined: a client that does not wait for replies gets them
// in order: C-CONN-50, 54.
func TestV_CLIENTS_1_Pipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(func(_ context.Context, c *server.Command) int {
			_, err := io.Copy(c.Stdout, c.Stdin)
			if err != nil {
				t.Error(err)
			}
			return 3
		}, nil)))
		s := b.rawIn(b.attach(from("192.0.2.1")))
		for _, message := range [][]byte{
			openMessage("session", 0, 1<<20),
			globalMessage("no-more-sessions@openssh.com", false),
			globalMessage("unknown", true),
		} {
			if err := s.send(message); err != nil {
				t.Fatal(err)
			}
		}
		got := make(map[byte]int)
		for range 2 {
			p, err := s.expect(91, 82)
			if err != nil {
				t.Fatal(err)
			}
			got[p[0]]++
		}
		if len(got) != 2 {
			t.Errorf("answers %v", got)
		}
		if _, err := s.open("session", 1, 1<<20); err == nil {
			t.Error("another session was opened: V-FORWARD-11")
		}
		for _, message := range [][]byte{
			requestMessage(0, "env", false, join(str([]byte("LANG")), str([]byte("C")))...),
			requestMessage(0, "nonsense", true),
			requestMessage(0, "exec", true, str([]byte("out"))...),
			requestMessage(0, "exec", true, str([]byte("again"))...),
		} {
			if err := s.send(message); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []byte{100, 99, 100} {
			if _, err := s.expect(want); err != nil {
				t.Errorf("reply %d: %v", i, err)
			}
		}
		for _, message := range [][]byte{join([]byte{94}, number(0), str([]byte("out"))), join([]byte{96}, number(0))} {
			if err := s.send(message); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []byte{94, 98, 96, 97} { // data, exit-status, end-of-file, close
			if _, err := s.expect(want); err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
	})
}

// TestV_CLIENTS_5_Ciphers: the algorithms that clients of other projects choose.
func TestV_CLIENTS_5_Ciphers(t *testing.T) {
	b := serve(t, withUser(nil, handling(waits, nil)))
	for name, tt := range map[string]struct{ cipher, mac string }{
		"OpenSSH":          {"chacha20-poly1305@openssh.com", ""},
		"rclone":           {"aes128-gcm@openssh.com", ""},
		"paramiko":         {"aes128-ctr", "hmac-sha2-256"},
		"PuTTY":            {"aes256-ctr", "hmac-sha2-256"},
		"Conch":            {"aes256-ctr", "hmac-sha2-512"},
		"encrypt-then-MAC": {"aes256-ctr", "hmac-sha2-256-etm@openssh.com"},
	} {
		config := b.config("u", gossh.Password("secret"))
		config.KeyExchanges, config.Ciphers = []string{"curve25519-sha256"}, []string{tt.cipher}
		if tt.mac != "" {
			config.MACs = []string{tt.mac}
		}
		client, err := gossh.Dial("tcp", b.addr, config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		client.Close()
	}
}

// TestV_CLIENTS_6_Endings: no usual end of a connection or a session is logged
// above the level Debug.
func TestV_CLIENTS_6_Endings(t *testing.T) {
	for name, end := range map[string]func(s *rawSSH, c net.Conn) error{
		"DISCONNECT": func(s *rawSSH, c net.Conn) error {
			return errors.Join(s.send(join([]byte{1}, number(11), str([]byte("disconnected by user")), str(nil))), c.Close())
		},
		"end of TCP":        func(_ *rawSSH, c net.Conn) error { return c.Close() },
		"EOF without CLOSE": func(s *rawSSH, c net.Conn) error { return errors.Join(s.send(join([]byte{96}, number(0))), c.Close()) },
		"CLOSE without EOF": func(s *rawSSH, c net.Conn) error { return errors.Join(s.send(join([]byte{97}, number(0))), c.Close()) },
		"in half a packet": func(_ *rawSSH, c net.Conn) error {
			_, err := c.Write([]byte("abc"))
			return errors.Join(err, c.Close())
		},
		"in a key exchange": func(s *rawSSH, c net.Conn) error { return errors.Join(s.send(kexInit()), c.Close()) },
		"CLOSE, and then on": func(s *rawSSH, c net.Conn) error {
			return errors.Join(s.send(join([]byte{97}, number(0))), s.send(requestMessage(0, "x", false)), c.Close())
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, withUser(nil, handling(waits, nil)))
			c := b.attach(from("192.0.2.1"))
			s := b.rawIn(c)
			if _, err := s.open("session", 0, 1<<20); err != nil {
				t.Fatal(err)
			}
			if err := s.send(requestMessage(0, "exec", true, str([]byte("x"))...)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.expect(99); err != nil {
				t.Fatal(err)
			}
			b.onLoop(func() {})
			b.log.Take("")
			if err := end(s, c); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			<-time.After(time.Minute)
			if n := b.connections(); n != 0 {
				t.Errorf("%s: %d connections are left", name, n)
			}
			for _, record := range b.log.Records() {
				if !strings.HasPrefix(record, "DEBUG") {
					t.Errorf("%s: %s", name, record)
				}
			}
		})
	}
}

// loggedOut is an avatar that counts the calls of Logout.
type loggedOut struct {
	server.ConchUser
	calls atomic.Int32
}

func (u *loggedOut) Logout() { u.calls.Add(1) }

type loggedOutRealm struct{ made chan *loggedOut }

func (r loggedOutRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	u := &loggedOut{}
	r.made <- u
	return deferred.Succeed[server.Avatar](u)
}

// TestC_CONN_1_Avatar: the connection is recorded on the avatar. The avatar
// learns of the end once.
func TestC_CONN_1_Avatar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := make(chan *loggedOut, 1)
		b := inMemory(t, func(f *server.SSHFactory) {
			f.Portal = cred.NewPortal(loggedOutRealm{made}, passwords("u", "secret"))
		})
		client := b.dial(b.attach(from("192.0.2.1")))
		u := <-made
		synctest.Wait()
		b.onLoop(func() {
			if c, ok := u.Conn().(server.Connection); !ok || c.Avatar() != server.Avatar(u) || server.TransportOf(c).Avatar() != server.Avatar(u) {
				t.Errorf("%v", u.Conn())
			}
		})
		client.Close()
		synctest.Wait()
		if n := u.calls.Load(); n != 1 {
			t.Errorf("Logout was called %d times", n)
		}
	})
}

// lastSeen is a channel that counts the calls of Logout before its end.
type lastSeen struct {
	conch.SSHChannel
	user   *loggedOut
	before chan int32
}

func (c *lastSeen) Name() string { return "watch" }
func (c *lastSeen) Closed()      { c.before <- c.user.calls.Load() }

// TestC_SERVER_6_LogoutLast: the avatar is logged out when its channels have
// ended, not before.
func TestC_SERVER_6_LogoutLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, before := make(chan *loggedOut, 1), make(chan int32, 1)
		b := inMemory(t, func(f *server.SSHFactory) {
			f.Portal = cred.NewPortal(loggedOutRealm{made}, passwords("u", "secret"))
		})
		client := b.dial(b.attach(from("192.0.2.1")))
		u := <-made
		b.onLoop(func() {
			u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"watch": func([]byte) deferred.Deferred[conch.Channel] {
				return deferred.Succeed[conch.Channel](&lastSeen{user: u, before: before})
			}}
		})
		if _, _, err := client.OpenChannel("watch", nil); err != nil {
			t.Fatal(err)
		}
		client.Close()
		synctest.Wait()
		if n := <-before; n != 0 {
			t.Errorf("Logout was called %d times before Closed", n)
		}
		if n := u.calls.Load(); n != 1 {
			t.Errorf("Logout was called %d times", n)
		}
	})
}
