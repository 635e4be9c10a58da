package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// inMemory is like serve, in a bubble of testing/synctest and without a network.
func inMemory(t *testing.T, change func(*server.SSHFactory), checkers ...cred.Checker) *bed {
	t.Helper()
	reactortest.CheckGoroutines(t)
	b := &bed{t: t, log: reactortest.NewLog(t), logins: make(chan *server.Login, 1000), host: newKey(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	b.f = &server.SSHFactory{Portal: cred.NewPortal(realm{b.logins}, checkers...), PrivateKeys: []gossh.Signer{b.host}}
	if change != nil {
		change(b.f)
	}
	return b
}

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 50000} }

// attach connects from an address, and returns the client's end.
func (b *bed) attach(remote net.Addr) net.Conn {
	b.t.Helper()
	ours, theirs := sshtest.MemPipe()
	b.attachConn(addressed{theirs, remote})
	return ours
}

func (b *bed) attachConn(c net.Conn) {
	_, err := reactor.Await(context.Background(), b.r, func() deferred.Deferred[reactor.Transport] {
		p, err := b.f.BuildProtocol(nil)
		if err != nil {
			return deferred.Fail[reactor.Transport](err)
		}
		_, err = b.r.Attach(c, p, reactor.AttachOptions{})
		if err != nil {
			return deferred.Fail[reactor.Transport](err)
		}
		return deferred.Succeed[reactor.Transport](nil)
	})
	if err != nil {
		b.t.Error(err)
	}
}

// in logs in over a connection.
func (b *bed) in(c net.Conn, user, password string) error {
	conn, channels, requests, err := gossh.NewClientConn(c, "server", b.config(user, gossh.Password(password)))
	if err != nil {
		c.Close()
		return err
	}
	gossh.NewClient(conn, channels, requests).Close()
	<-b.logins
	return nil
}

// limited is a client's connection that sends only some bytes, and stalls then.
type limited struct {
	net.Conn
	mu   sync.Mutex // guards left
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	l.mu.Lock()
	n := min(len(p), l.left)
	l.left -= n
	l.mu.Unlock()
	if _, err := l.Conn.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil // the client believes that it has been sent
}

// TestV_LIMITS_1_C_SERVER_11_StallAtEachByte: a client that stalls after any number of bytes
// is cut off when the grace time is over, not earlier and not later. Others log
// in meanwhile, and nothing is left.
func TestV_LIMITS_1_C_SERVER_11_StallAtEachByte(t *testing.T) {
	step := 41
	if os.Getenv("HAWSER_LONG") != "" {
		step = 1
	}
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, func(f *server.SSHFactory) { f.Algorithms.KeyExchanges = []string{"curve25519-sha256"} }, passwords("u", "secret"))
		for n, whole := 0, false; !whole; n += step {
			c := &limited{Conn: b.attach(from("192.0.2.1")), left: n}
			began := time.Now()
			ended := make(chan error, 1)
			go func() { ended <- b.in(c, "u", "secret") }() // ends with the connection
			synctest.Wait()
			if err := b.in(b.attach(from("192.0.2.2")), "u", "secret"); err != nil {
				t.Errorf("%d bytes: another client: %v", n, err)
			}
			err := <-ended
			whole = err == nil
			if took := time.Since(began); !whole && took.Round(time.Second) != server.DefaultLoginGraceTime {
				t.Errorf("%d bytes: ended after %v: %v", n, took, err)
			}
			<-time.After(10 * time.Minute) // for the penalties
		}
	})
}

// TestV_LIMITS_1_Trickle: bytes that come slowly, and a hook that never answers,
// do not extend the grace time.
func TestV_LIMITS_1_Trickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled recorded[string]
		h := hooks{methods: []string{"password"}, password: func(*hooks, string) deferred.Deferred[string] {
			return deferred.New(func(deferred.Deferred[string]) { cancelled.add("hook") })
		}}
		b := inMemory(t, func(f *server.SSHFactory) { withHooks(h)(f); f.LoginGraceTime = 30 * time.Second })
		c := b.attach(from("192.0.2.1"))
		began := time.Now()
		for range 100 {
			if _, err := io.WriteString(c, "S"); err != nil {
				break
			}
			<-time.After(time.Second)
		}
		if took := time.Since(began).Round(time.Second); took != 30*time.Second && took != 31*time.Second { // the write after the end fails
			t.Errorf("ended after %v", took)
		}
		began = time.Now()
		if err := b.in(b.attach(from("192.0.2.1")), "u", "secret"); err == nil {
			t.Error("logged in")
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("ended after %v", took)
		}
		synctest.Wait()
		if got := cancelled.get(); len(got) != 1 {
			t.Errorf("cancelled: %q", got)
		}
		if found := b.log.Take("Login grace time is over"); len(found) != 2 || !strings.Contains(found[0], "phase=version") || !strings.Contains(found[1], "phase=authentication") {
			t.Errorf("%q", found)
		}
	})
}

// TestLoginGraceOff: without a limit a client may wait for long.
func TestLoginGraceOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, func(f *server.SSHFactory) { f.LoginGraceTime = -1 }, passwords("u", "secret"))
		c := b.attach(from("192.0.2.1"))
		<-time.After(24 * time.Hour)
		if err := b.in(c, "u", "secret"); err != nil {
			t.Error(err)
		}
	})
}

// TestV_AUTH_7_Padding: a refusal takes as long for a user that exists, and does
// not depend on how long a user has typed.
func TestV_AUTH_7_Padding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := passwords("known", "secret")
		h := hooks{methods: []string{"password", "keyboard-interactive"}}
		h.password = func(h *hooks, password string) deferred.Deferred[string] {
			d := deferred.New[string]()
			wait := time.Millisecond
			if h.Login().User == "known" {
				wait = 3 * time.Millisecond // what a careless checker needs
			}
			h.Transport().Reactor().CallLater(wait, func() { d.Errback(cred.ErrUnauthorized) })
			return d
		}
		b := inMemory(t, func(f *server.SSHFactory) { withHooks(h)(f); f.Penalties.Off = true }, slow, cred.AskPassword(slow, ""))
		took := func(user string, auth gossh.AuthMethod) time.Duration {
			c := b.attach(from("192.0.2.1"))
			began := time.Now()
			if _, _, _, err := gossh.NewClientConn(c, "", b.config(user, auth)); err == nil {
				t.Error("logged in")
			}
			c.Close()
			return time.Since(began)
		}
		for _, user := range []string{"known", "unknown"} {
			once := took(user, gossh.Password("x"))
			typing := took(user, gossh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
				if len(questions) > 0 {
					<-time.After(3 * time.Second)
				}
				return make([]string, len(questions)), nil
			}))
			if once < 5*time.Millisecond || once > 10*time.Millisecond || typing != 3*time.Second+once || once != took(user, gossh.Password("y")) {
				t.Errorf("%s: %v, typing %v", user, once, typing)
			}
		}
	})
}

// TestV_LIMITS_2_3_Exceeded: a dropped client gets a line. A slot is free after a
// login, and after the end of a connection, once.
func TestV_LIMITS_2_3_Exceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, func(f *server.SSHFactory) { f.MaxStartups = server.LimitStartups(3) }, passwords("u", "secret"))
		dropped := func() bool {
			c := b.attach(from("192.0.2.9"))
			line, err := newReader(c).ReadString('\n')
			if strings.HasPrefix(line, "SSH-2.0-") {
				c.Close()
				synctest.Wait()
				return false
			}
			if _, end := c.Read(make([]byte, 1)); line != "Exceeded MaxStartups\r\n" || err != nil || end != io.EOF {
				t.Errorf("%q, %v, %v", line, err, end)
			}
			return true
		}
		var waiting []net.Conn
		for range 3 {
			waiting = append(waiting, b.attach(from("192.0.2.1")))
		}
		for range 5 {
			if !dropped() {
				t.Error("a fourth connection is served")
			}
		}
		waiting[0].Close()
		synctest.Wait()
		for range 2 {
			if dropped() {
				t.Error("dropped after the end of a connection")
			}
		}
		conn, channels, requests, err := gossh.NewClientConn(waiting[1], "server", b.config("u", gossh.Password("secret")))
		if err != nil {
			t.Fatal(err)
		}
		c := gossh.NewClient(conn, channels, requests)
		synctest.Wait()
		waiting = append(waiting, b.attach(from("192.0.2.1")), b.attach(from("192.0.2.1")))
		if !dropped() {
			t.Error("the login has freed more than a slot")
		}
		c.Close() // of a client that has logged in: frees no slot again
		synctest.Wait()
		if !dropped() {
			t.Error("the end of the login has freed a slot again")
		}
		for _, c := range waiting {
			c.Close()
		}
		synctest.Wait()
		if dropped() {
			t.Error("dropped although nobody waits")
		}
		if n := len(b.log.Take("connections are dropped")); n != 2 {
			t.Errorf("logged %d times", n)
		}
	})
}

// blocked is a connection that takes nothing until a deadline.
type blocked struct {
	net.Conn
	mu       sync.Mutex
	deadline time.Time
}

func (b *blocked) SetDeadline(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = at
	return nil
}

func (b *blocked) Write([]byte) (int, error) {
	b.mu.Lock()
	at := b.deadline
	b.mu.Unlock()
	<-time.After(time.Until(at))
	return 0, os.ErrDeadlineExceeded
}

// TestV_LIMITS_3_DoesNotBlock: refused clients that take nothing do not hold up
// the loop, and there are not many of them.
func TestV_LIMITS_3_DoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, func(f *server.SSHFactory) { f.MaxStartups = server.LimitStartups(1) }, passwords("u", "secret"))
		one := b.attach(from("192.0.2.1"))
		began := time.Now()
		for range 1000 {
			_, theirs := sshtest.MemPipe()
			b.attachConn(addressed{&blocked{Conn: theirs}, from("192.0.2.2")})
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the loop was held up for %v", took)
		}
		if err := b.in(one, "u", "secret"); err != nil {
			t.Error(err)
		}
		<-time.After(2 * time.Second)
	})
}

// TestV_LIMITS_5_PerSource: the connections of a network are counted together.
func TestV_LIMITS_5_PerSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, func(f *server.SSHFactory) { f.PerSourceMaxStartups, f.SourcePrefix4 = 2, 24 }, passwords("u", "secret"))
		served := func(ip string) bool {
			c := b.attach(from(ip))
			line := make([]byte, 8)
			_, err := io.ReadFull(c, line)
			return err == nil && string(line) == "SSH-2.0-"
		}
		for _, tt := range []struct {
			ip   string
			want bool
		}{{"192.0.2.1", true}, {"192.0.2.2", true}, {"192.0.2.3", false}, {"198.51.100.1", true}, {"192.0.2.1", false}, {"2001:db8::1", true}, {"2001:db8::1", true}, {"2001:db8::1", false}, {"2001:db8::2", true}} {
			if served(tt.ip) != tt.want {
				t.Errorf("%s: served %v", tt.ip, !tt.want)
			}
		}
	})
}

// TestV_LIMITS_6_Refused: a source whose connections end badly is refused for a
// while, others are not.
func TestV_LIMITS_6_Refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, nil, passwords("u", "secret"))
		try := func(ip, password string) error { return b.in(b.attach(from(ip)), "u", password) }
		for range 4 { // the first is nearly over when the fourth comes
			if err := try("192.0.2.1", "x"); err == nil {
				t.Error("logged in")
			}
			synctest.Wait()
		}
		if n := len(b.log.Take("Failed password")); n != 4 {
			t.Errorf("%d attempts", n)
		}
		if err := try("192.0.2.1", "secret"); err == nil {
			t.Error("a refused source logged in")
		}
		c := b.attach(from("192.0.2.1"))
		if all, _ := io.ReadAll(c); string(all) != "Not allowed at this time\r\n" {
			t.Errorf("%q", all)
		}
		if err := try("192.0.2.2", "secret"); err != nil {
			t.Error(err)
		}
		<-time.After(20 * time.Second)
		if err := try("192.0.2.1", "secret"); err != nil {
			t.Errorf("after the penalty: %v", err)
		}
		for i := range 100 { // logins have no penalty, and neither have peers without an address
			if err := try("192.0.2.1", "secret"); err != nil {
				t.Fatalf("login %d: %v", i, err)
			}
			_ = b.in(b.attach(&net.UnixAddr{Name: "/run/x", Net: "unix"}), "u", "x")
		}
		if err := b.in(b.attach(&net.UnixAddr{Name: "/run/x", Net: "unix"}), "u", "secret"); err != nil {
			t.Error(err)
		}
	})
}

// panicking is a connection whose Read panics.
type panicking struct{ net.Conn }

func (panicking) Read([]byte) (int, error) { panic("Read") }

// TestV_LIMITS_10_Panic: a panic in a handshake costs its connection only, and
// its source the penalty of a crash. A hook may refuse a connection.
func TestV_LIMITS_10_Panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hooks{banner: func(h *hooks) deferred.Deferred[string] {
			if h.Login().User == "refused" {
				return deferred.Fail[string](fmt.Errorf("rule 7: %w", server.ErrRefuseConnection))
			}
			return deferred.Succeed("")
		}}
		b := inMemory(t, withHooks(h), passwords("u", "secret"))
		ours, theirs := sshtest.MemPipe()
		b.attachConn(addressed{panicking{theirs}, from("192.0.2.1")})
		if _, err := io.Copy(io.Discard, ours); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := b.in(b.attach(from("192.0.2.1")), "u", "secret"); err == nil {
			t.Error("no penalty for a crash")
		}
		if err := b.in(b.attach(from("192.0.2.2")), "u", "secret"); err != nil {
			t.Error(err)
		}
		if found := b.log.Take("panic in handshake"); len(found) != 1 {
			t.Errorf("%q", found)
		}
		for i := range 3 {
			err := b.in(b.attach(from("192.0.2.3")), "refused", "x")
			synctest.Wait()
			refused := b.log.Take("rule 7: ")
			if err == nil || (len(refused) > 0) != (i < 2) {
				t.Errorf("%d: %v, %q", i, err, refused)
			}
		}
	})
}

// TestV_LIMITS_7_C_SERVER_5_VersionLine: what the server says to version lines.
func TestV_LIMITS_7_C_SERVER_5_VersionLine(t *testing.T) {
	const banner = "SSH-2.0-test_1\r\n"
	b := serve(t, func(f *server.SSHFactory) { f.Version = "test_1" }, passwords("u", "secret"))
	for name, tt := range map[string]struct{ send, want string }{
		"HTTP":             {"GET / HTTP/1.0\r\n\r\n", banner + "Invalid SSH identification string.\r\n"},
		"empty line":       {"\r\n", banner + "Invalid SSH identification string.\r\n"},
		"text before":      {"hello\r\nSSH-2.0-x\r\n", banner + "Invalid SSH identification string.\r\n"},
		"binary":           {"\x16\x03\x01\x02\n", banner + "Invalid SSH identification string.\r\n"},
		"SSH 1.5":          {"SSH-1.5-old\r\n", banner + "Protocol major versions differ.\r\n"},
		"SSH 3":            {"SSH-3.0-new\r\n", banner + "Protocol major versions differ.\r\n"},
		"300 bytes":        {"SSH-2.0-" + strings.Repeat("x", 300) + "\r\n", banner + "Invalid SSH identification string.\r\n"},
		"255 bytes of x":   {strings.Repeat("x", 255) + "\r\n", banner + "Invalid SSH identification string.\r\n"},
		"no line end":      {strings.Repeat("x", 70<<10), banner},
		"nothing, and end": {"", banner},
	} {
		c := b.dialRaw()
		go func() { // ends with the connection
			_, _ = io.WriteString(c.conn, tt.send)
			if tt.send == "" {
				_ = c.conn.(*net.TCPConn).CloseWrite()
			}
		}()
		if got := c.rest(); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, line := range map[string]string{
		"LF alone": "SSH-2.0-x\n", "1.99": "SSH-1.99-x\r\n", "CR LF": "SSH-2.0-x\r\n", "253 bytes": "SSH-2.0-" + strings.Repeat("x", 245) + "\r\n",
	} {
		c := b.dialRaw()
		if _, err := io.WriteString(c.conn, line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(banner)+6) // then comes KEXINIT
		if _, err := io.ReadFull(c.r, got); err != nil || got[len(banner)+5] != 20 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		c.conn.Close()
	}
}

// TestV_LIMITS_9_Flood: a client may not send much before it has logged in.
func TestV_LIMITS_9_Flood(t *testing.T) {
	b := serve(t, nil, passwords("u", "secret"))
	for name, before := range map[string]func(s *rawSSH) error{
		"before authentication": func(*rawSSH) error { return nil },
		"in authentication":     (*rawSSH).authenticate,
	} {
		s, err := newRawSSH(b.dialRaw())
		if err == nil {
			err = before(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; n < 1000; n++ {
			if s.send(join([]byte{2}, str(make([]byte, 30<<10)))) != nil {
				break
			}
		}
		if n == 1000 {
			t.Errorf("%s: 30 MB were taken", name)
		}
	}
	b.wait("too many bytes before the login")
	if _, err := b.login("u", gossh.Password("secret")); err != nil {
		t.Error(err)
	}
}

// TestV_LIMITS_26_Rekeying: a client that does nothing but exchange keys loses
// the connection. One that has a reason to does not.
func TestV_LIMITS_26_Rekeying(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pause time.Duration
		bytes int
		want  int // exchanges that are served; 40 means no end
	}{
		{"without end", 0, 0, 10},
		{"slowly", 1100 * time.Millisecond, 0, 40},
		{"with data", 0, 120 << 10, 40},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inMemory(t, nil, passwords("u", "secret"))
			c := b.attach(from("192.0.2.1"))
			s, err := newRawSSH(&rawClient{conn: c, r: newReader(c)})
			if err == nil {
				err = s.authenticate()
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.password("u", "secret"); got != success {
				t.Fatal(got, err)
			}
			<-b.logins
			n := 1 // the first one
			for ; n < 40; n++ {
				if tt.bytes > 0 {
					if err := s.send(join([]byte{2}, str(make([]byte, tt.bytes)))); err != nil {
						t.Fatal(err)
					}
				}
				if tt.pause > 0 {
					<-time.After(tt.pause)
				}
				if err = s.exchange(); err != nil {
					break
				}
			}
			if n != tt.want {
				t.Errorf("%s: %d key exchanges, then %v", tt.name, n, err)
			}
			c.Close()
			synctest.Wait()
			if found := b.log.Take("too many key exchanges"); (len(found) > 0) != (tt.want < 40) {
				t.Errorf("%s: %q", tt.name, found)
			}
		})
	}
}

// TestStopWhileLoggingIn: connections in each phase do not keep the reactor
// from stopping.
func TestStopWhileLoggingIn(t *testing.T) {
	never := hooks{methods: []string{"password"}, password: func(*hooks, string) deferred.Deferred[string] { return deferred.New[string]() }}
	b := serve(t, withHooks(never))
	b.dialRaw()
	if _, err := newRawSSH(b.dialRaw()); err != nil {
		t.Fatal(err)
	}
	s := b.raw()
	if err := s.send(join([]byte{50}, str([]byte("u")), str([]byte("ssh-connection")), str([]byte("password")), []byte{0}, str([]byte("x")))); err != nil {
		t.Fatal(err)
	}
	var clients []net.Conn
	for range 5 {
		c := b.dialRaw().conn
		clients = append(clients, c)
	}
	_ = b.r.Stop()
	for _, c := range clients {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}
}
