package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// served is a server whose user alice, who has a key, runs commands that copy
// their input to their output, and may forward what rules allow.
type served struct {
	*bed
	dir, port string
}

func newServed(t *testing.T, change func(*server.SSHFactory), rules func() forward.Rules) *served {
	t.Helper()
	dir := sshtest.ShortDir(t)
	key := sshtest.KeyPair(t, filepath.Join(dir, "id"))
	avatars := users{func(u *server.ConchUser) {
		handling(func(_ context.Context, c *server.Command) int {
			if _, err := io.Copy(c.Stdout, c.Stdin); err != nil {
				return 1
			}
			return 0
		}, nil)(u)
		if rules != nil {
			u.Forwarding = rules()
		}
	}}
	b := serve(t, func(f *server.SSHFactory) {
		f.Portal = cred.NewPortal(avatars, cred.NewSSHPublicKeyChecker(cred.InMemorySSHKeyDB{"alice": {{Key: key}}}), passwords("u", "secret"))
		if change != nil {
			change(f)
		}
	})
	_, port, _ := net.SplitHostPort(b.addr)
	return &served{b, dir, port}
}

func (s *served) file(name string) string { return filepath.Join(s.dir, name) }

// ssh returns an ssh that runs a command, or what args say.
func (s *served) ssh(args ...string) *exec.Cmd {
	t := s.t.(*testing.T)
	all := append([]string{"-F", "none", "-p", s.port, "-i", s.file("id"), "-o", "IdentitiesOnly=yes"}, args...)
	all = append(all, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile="+s.file("known"), "-o", "LogLevel=ERROR", "-l", "alice", "127.0.0.1")
	if !strings.Contains(strings.Join(args, " "), "-N") && !strings.Contains(strings.Join(args, " "), "-W") {
		all = append(all, "cat")
	}
	cmd := exec.CommandContext(t.Context(), conchtest.Program(t, "ssh"), all...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	return cmd
}

// eventually waits until f returns true.
func (b *bed) eventually(f func() bool) bool {
	for deadline := time.Now().Add(sshtest.Patience); time.Now().Before(deadline); {
		if f() {
			return true
		}
		_, _ = reactor.Await(b.t.Context(), b.r, func() deferred.Deferred[struct{}] { // a millisecond on the loop's clock
			d := deferred.New[struct{}]()
			b.r.CallLater(time.Millisecond, func() { d.Callback(struct{}{}) })
			return d
		})
	}
	return false
}

// client logs in over TCP.
func (b *bed) client() *gossh.Client {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.dial(c)
}

// echoServer is sshtest.EchoServer, which ends before the goroutines are checked.
func echoServer(t *testing.T, network, address string) string {
	t.Helper()
	if _, again := checked.LoadOrStore(t, true); !again {
		reactortest.CheckGoroutines(t)
	}
	return sshtest.EchoServer(t, network, address)
}

func all() forward.Rules { return forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll} }

// TestV_FORWARD_OpenSSH: each kind of forwarding, by ssh. V-FORWARD-5, 8, 10.
func TestV_FORWARD_OpenSSH(t *testing.T) {
	s := newServed(t, nil, all)
	tcp, unix := echoServer(t, "tcp", "127.0.0.1:0"), echoServer(t, "unix", s.file("echo"))
	w := s.ssh("-W", tcp)
	w.Stdin = strings.NewReader("through and back")
	if out, err := w.CombinedOutput(); string(out) != "through and back" || err != nil {
		t.Errorf("-W: %q, %v", out, err)
	}
	local, dynamic := strconv.Itoa(sshtest.FreePort(t)), strconv.Itoa(sshtest.FreePort(t))
	remote := strconv.Itoa(sshtest.FreePort(t))
	cmd := s.ssh("-N", "-o", "LogLevel=VERBOSE", "-o", "ExitOnForwardFailure=yes", "-L", local+":"+tcp, "-L", s.file("l")+":"+unix, "-D", dynamic,
		"-R", remote+":"+tcp, "-R", s.file("r")+":"+unix)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(stderr.String())
		}
	}()
	for _, at := range [][2]string{{"tcp", "127.0.0.1:" + local}, {"unix", s.file("l")}, {"tcp", "127.0.0.1:" + remote}, {"tcp", "[::1]:" + remote}, {"unix", s.file("r")}} {
		if !s.eventually(func() bool {
			c, err := net.Dial(at[0], at[1])
			if err == nil {
				c.Close()
			}
			return err == nil
		}) {
			t.Fatalf("nobody listens on %s", at[1])
		}
		sshtest.Echoes(t, at[0], at[1])
	}
	if info, err := os.Stat(s.file("r")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket of -R: %v, %v", info, err)
	}
	host, port, _ := net.SplitHostPort(tcp)
	ip, number := netip.MustParseAddr(host).As4(), 0
	number, _ = strconv.Atoi(port)
	proxy, err := net.Dial("tcp", "127.0.0.1:"+dynamic)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	reply := make([]byte, 12)
	if _, err := proxy.Write(join([]byte{5, 1, 0, 5, 1, 0, 1}, ip[:], binary.BigEndian.AppendUint16(nil, uint16(number)))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(proxy, reply); err != nil || reply[3] != 0 {
		t.Fatalf("-D: %v, %v", reply, err)
	}
	sshtest.EchoesOn(t, proxy)
}

// TestV_FORWARD_10_Unlinked: a socket is removed at the end, an existing file
// never. The path must be absolute, short and free of NUL.
func TestV_FORWARD_10_Unlinked(t *testing.T) {
	dir := sshtest.ShortDir(t)
	b := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Open: forward.AllowAll, Listen: forward.Allow(dir+"/*", "rel", "/nul\x00x")}
	})
	client := b.client()
	listen := func(name, path string) bool {
		ok, _, err := client.SendRequest(name, true, str([]byte(path)))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	const begin, end = "streamlocal-forward@openssh.com", "cancel-streamlocal-forward@openssh.com"
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		filepath.Join(dir, "s"): true, file: false, filepath.Join(dir, "sub", "s"): false, dir + "/../s": false, "rel": false, "/nul\x00x": false, "": false,
		dir + "/" + strings.Repeat("x", 120): false, "/tmp/elsewhere": false,
	} {
		if got := listen(begin, path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "precious" {
		t.Error(text, err)
	}
	if listen(begin, filepath.Join(dir, "s")) || !listen(end, filepath.Join(dir, "s")) || listen(end, filepath.Join(dir, "s")) {
		t.Error("a socket that is listened on already, or is not")
	}
	if !b.eventually(func() bool { _, err := os.Lstat(filepath.Join(dir, "s")); return os.IsNotExist(err) }) {
		t.Error("the socket was not removed")
	}
	for _, path := range []string{"rel", "@abstract", "/a/../b", "/nul\x00x", "//x"} {
		_, _, err := client.OpenChannel("direct-streamlocal@openssh.com", join(str([]byte(path)), str(nil), number(0)))
		if refused, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || refused.Reason != gossh.Prohibited {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// direct opens a direct-tcpip channel.
func direct(c *gossh.Client, host string, port uint32) (gossh.Channel, *gossh.OpenChannelError) {
	ch, requests, err := c.OpenChannel("direct-tcpip", join(str([]byte(host)), number(port), str([]byte("127.0.0.1")), number(1)))
	if err != nil {
		refused, ok := errors.AsType[*gossh.OpenChannelError](err)
		if !ok {
			refused = &gossh.OpenChannelError{Message: err.Error()}
		}
		return nil, refused
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	return ch, nil
}

func splitPort(address string) (string, uint32) {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return host, uint32(n)
}

// TestV_FORWARD_1_Off: nothing is forwarded unless a rule allows it.
func TestV_FORWARD_1_Off(t *testing.T) {
	for name, rules := range map[string]func() forward.Rules{"zero": nil, "other": func() forward.Rules {
		return forward.Rules{Open: forward.Allow("example.com:1"), Listen: forward.Allow("example.com:1")}
	}} {
		client := newServed(t, nil, rules).client()
		if _, err := direct(client, "127.0.0.1", 1); err == nil || err.Reason != gossh.Prohibited && err.Reason != gossh.UnknownChannelType {
			t.Errorf("%s: direct-tcpip: %v", name, err)
		}
		for request, data := range map[string][]byte{
			"tcpip-forward": join(str([]byte("localhost")), number(0)), "cancel-tcpip-forward": join(str([]byte("localhost")), number(1)),
			"streamlocal-forward@openssh.com": str([]byte("/tmp/x")), "cancel-streamlocal-forward@openssh.com": str([]byte("/tmp/x")),
		} {
			if ok, _, err := client.SendRequest(request, true, data); ok || err != nil {
				t.Errorf("%s: %s: %v, %v", name, request, ok, err)
			}
		}
	}
}

// TestV_FORWARD_2_C_SERVER_62_Refusals: the server connects before it confirms. A
// refusal has OpenSSH's reason and text, which say nothing about the server.
func TestV_FORWARD_2_C_SERVER_62_Refusals(t *testing.T) {
	dead := sshtest.FreePort(t)
	b := newServed(t, nil, func() forward.Rules {
		return forward.Rules{DialTimeout: time.Nanosecond, Open: func(network, address string) deferred.Deferred[struct{}] {
			if strings.HasPrefix(address, "refused") {
				return deferred.Fail[struct{}](errTest)
			}
			return deferred.Succeed(struct{}{})
		}}
	})
	slow := b.client()
	if _, err := direct(slow, "127.0.0.1", uint32(dead)); err == nil || err.Reason != gossh.ConnectionFailed || err.Message != "Connection timed out" {
		t.Errorf("dial timeout: %v", err)
	}
	client := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Open: func(network, address string) deferred.Deferred[struct{}] {
			if strings.HasPrefix(address, "refused") {
				return deferred.Fail[struct{}](errTest)
			}
			return deferred.Succeed(struct{}{})
		}}
	}).client()
	for _, tt := range []struct {
		host   string
		port   uint32
		reason gossh.RejectionReason
		text   string
	}{
		{"refused.example", 1, gossh.Prohibited, "open failed"},
		{"127.0.0.1", 65536, gossh.Prohibited, "open failed"},
		{"127.0.0.1", 1<<32 - 1, gossh.Prohibited, "open failed"},
		{"127.0.0.1", uint32(dead), gossh.ConnectionFailed, "Connection refused"},
		{"no-such-host.invalid", 1, gossh.ConnectionFailed, ""},
		{"", 1, gossh.ConnectionFailed, "Name or service not known"},
		{"a:b]:1", 1, gossh.Prohibited, "open failed"},
	} {
		_, err := direct(client, tt.host, tt.port)
		if err == nil || err.Reason != tt.reason || tt.text != "" && err.Message != tt.text || strings.Contains(err.Message, ":") {
			t.Errorf("%s port %d: %v", tt.host, tt.port, err)
		}
	}
	if _, _, err := client.OpenChannel("direct-tcpip", []byte("junk")); err == nil {
		t.Error("malformed data")
	}
	if _, _, err := client.OpenChannel("direct-tcpip", join(str([]byte(strings.Repeat("x", 8<<10))), number(1), str(nil), number(1))); err == nil {
		t.Error("a name of 8 KiB")
	}
}

// TestV_FORWARD_3_Rules: what is allowed is the string that the client sends,
// what is forbidden is the address behind it.
func TestV_FORWARD_3_Rules(t *testing.T) {
	echo := echoServer(t, "tcp", "127.0.0.1:0")
	_, port := splitPort(echo)
	named := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Open: forward.Allow(fmt.Sprint("127.0.0.1:", port))}
	}).client()
	if ch, err := direct(named, "127.0.0.1", port); err != nil {
		t.Error(err)
	} else {
		ch.Close()
	}
	for _, host := range []string{"localhost", "127.0.0.2", "::ffff:127.0.0.1", "127.0.0.1."} {
		if _, err := direct(named, host, port); err == nil || err.Reason != gossh.Prohibited {
			t.Errorf("allowed: %s: %v", host, err)
		}
	}
	var asked recorded[netip.AddrPort]
	forbidding := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Open: forward.AllowAll, Forbid: func(to netip.AddrPort) error {
			asked.add(to)
			if to.Addr().IsLoopback() || to.Addr().IsUnspecified() {
				return errTest
			}
			return nil
		}}
	}).client()
	for _, host := range []string{"localhost", "127.0.0.1", "::ffff:127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::"} {
		if _, err := direct(forbidding, host, port); err == nil || err.Reason != gossh.Prohibited || err.Message != "open failed" {
			t.Errorf("forbidden: %s: %v", host, err)
		}
	}
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "", "%", "*"} { // some resolvers know these
		if ch, err := direct(forbidding, host, port); err == nil {
			t.Errorf("forbidden: %s", host)
			ch.Close()
		}
	}
	for _, to := range asked.get() {
		if to.Addr().Is4In6() {
			t.Errorf("asked about %s", to)
		}
	}
}

// TestV_FORWARD_3_Log: the log says who has been refused which address, and by
// which rule.
func TestV_FORWARD_3_Log(t *testing.T) {
	b := newServed(t, func(f *server.SSHFactory) { f.Restrictions.PermitOpen = []string{"127.0.0.1:1", "127.0.0.1:2"} }, func() forward.Rules {
		return forward.Rules{Open: forward.Allow("127.0.0.1:1", "127.0.0.1:3", "localhost:2"), Forbid: func(netip.AddrPort) error { return errTest }}
	})
	client := b.client()
	for _, tt := range []struct {
		host string
		port uint32
		want string
	}{
		{"127.0.0.1", 2, `address=127.0.0.1:2 err=conch: open failed: "127.0.0.1:2" is not allowed`},
		{"127.0.0.1", 3, `address=127.0.0.1:3 err=server: the options of the key do not allow it`},
		{"127.0.0.1", 1, "address=127.0.0.1:1 err=" + errTest.Error()},
	} {
		if _, err := direct(client, tt.host, tt.port); err == nil {
			t.Errorf("%s:%d is allowed", tt.host, tt.port)
		}
		b.wait("server: forwarding refused user=u remote=" + client.LocalAddr().String() + " request=open network=tcp " + tt.want)
	}
	if _, ok := forwardRequest(t, client, "localhost", 0); ok {
		t.Error("listens without a rule")
	}
	b.wait("request=listen network=tcp address=localhost:0 err=")
	b.wait("DEBUG server: forwarding allowed user=u remote=" + client.LocalAddr().String() + " request=open network=tcp address=127.0.0.1:1")
}

// TestV_FORWARD_4_HalfClose: the end of each direction is passed on alone, a
// reset and a close end both, and a slow side slows the other down.
func TestV_FORWARD_4_HalfClose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newServed(t, nil, all)
	client := b.client()
	host, port := splitPort(l.Addr().String())
	pair := func() (gossh.Channel, *net.TCPConn) {
		ch, refused := direct(client, host, port)
		if refused != nil {
			t.Fatal(refused)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(sshtest.Patience)) // it is open
		return ch, c.(*net.TCPConn)
	}
	ch, c := pair()
	_, _ = ch.Write([]byte("to"))
	_ = ch.CloseWrite()
	if text, err := io.ReadAll(c); string(text) != "to" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	_, _ = c.Write([]byte("back"))
	_ = c.CloseWrite()
	if text, err := io.ReadAll(ch); string(text) != "back" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	c.Close()

	ch, c = pair()
	_ = c.CloseWrite()
	if text, err := io.ReadAll(ch); len(text) > 0 || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	_, _ = ch.Write([]byte("still"))
	_ = ch.Close()
	if text, err := io.ReadAll(c); string(text) != "still" || err != nil {
		t.Errorf("%q, %v", text, err)
	}

	ch, c = pair()
	_ = c.SetLinger(0)
	c.Close() // resets
	if _, err := io.ReadAll(ch); err != nil {
		t.Error(err)
	}
	if !b.eventually(func() bool { _, err := ch.Write(make([]byte, 1000)); return err != nil }) {
		t.Error("the channel outlives a reset")
	}

	ch, c = pair()
	written := make(chan int64, 1)
	go func() { // ends with the channel
		n := int64(0)
		for {
			m, err := ch.Write(make([]byte, 32<<10))
			if n += int64(m); err != nil {
				written <- n
				return
			}
		}
	}()
	client.Close() // a writer that is held back ends with the connection
	if n := <-written; n > 64<<20 {
		t.Errorf("%d bytes were taken by a socket that nobody reads", n)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the socket outlives the connection")
	}
	c.Close()
}

// TestV_FORWARD_4_DialEnds: a dial ends with the connection.
func TestV_FORWARD_4_DialEnds(t *testing.T) {
	asked := make(chan struct{}, 1)
	cancelled := make(chan struct{}, 1)
	b := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Open: func(string, string) deferred.Deferred[struct{}] {
			asked <- struct{}{}
			return deferred.New(func(deferred.Deferred[struct{}]) { cancelled <- struct{}{} })
		}}
	})
	client := b.client()
	opened := make(chan error, 1)
	go func() { // ends with the connection
		_, err := direct(client, "127.0.0.1", 1)
		opened <- err
	}()
	<-asked
	client.Close()
	<-cancelled
	<-opened
}

// forwardRequest asks the server to listen. It returns the port of the reply.
func forwardRequest(t *testing.T, c *gossh.Client, host string, port uint32) (chosen uint32, ok bool) {
	t.Helper()
	ok, reply, err := c.SendRequest("tcpip-forward", true, join(str([]byte(host)), number(port)))
	if err != nil {
		t.Fatal(err)
	}
	if ok && port == 0 {
		if len(reply) != 4 {
			t.Fatalf("the reply is %q", reply)
		}
		return binary.BigEndian.Uint32(reply), true
	}
	if ok && len(reply) > 0 {
		t.Errorf("the reply is %q", reply)
	}
	return port, ok
}

// TestV_FORWARD_5_Addresses: on which addresses the server listens, for each
// GatewayPorts and each request. V-FORWARD-6: both families have the same port.
func TestV_FORWARD_5_Addresses(t *testing.T) {
	const v4, v6, other4, none = "127.0.0.1", "::1", "127.0.0.2", ""
	for _, tt := range []struct {
		gateway forward.GatewayPorts
		asked   string
		on, off string // where the server listens, and where it does not; a list
	}{
		{forward.GatewayNo, "", v4 + " " + v6, other4},
		{forward.GatewayNo, "*", v4 + " " + v6, other4},
		{forward.GatewayNo, "localhost", v4 + " " + v6, other4},
		{forward.GatewayNo, "0.0.0.0", v4 + " " + v6, other4},
		{forward.GatewayNo, "127.0.0.1", v4, v6 + " " + other4},
		{forward.GatewayNo, "::1", v6, v4 + " " + other4},
		{forward.GatewayNo, "127.0.0.2", v4 + " " + v6, other4},
		{forward.GatewayYes, "127.0.0.1", v4 + " " + v6 + " " + other4, none},
		{forward.GatewayYes, "localhost", v4 + " " + v6 + " " + other4, none},
		{forward.GatewayClientSpecified, "", v4 + " " + v6 + " " + other4, none},
		{forward.GatewayClientSpecified, "*", v4 + " " + v6 + " " + other4, none},
		{forward.GatewayClientSpecified, "localhost", v4 + " " + v6, other4},
		{forward.GatewayClientSpecified, "0.0.0.0", v4 + " " + other4, v6},
		{forward.GatewayClientSpecified, "::", v6, v4 + " " + other4},
		{forward.GatewayClientSpecified, "127.0.0.2", other4, v4 + " " + v6},
	} {
		client := newServed(t, nil, func() forward.Rules {
			rules := all()
			rules.Gateway = tt.gateway
			return rules
		}).client()
		port, ok := forwardRequest(t, client, tt.asked, 0)
		if !ok {
			t.Errorf("%d %q: refused", tt.gateway, tt.asked)
			continue
		}
		listens := func(host string) bool {
			c, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
			if err == nil {
				c.Close()
			}
			return err == nil
		}
		for host := range strings.FieldsSeq(tt.on) {
			if !listens(host) {
				t.Errorf("%d %q: does not listen on %s", tt.gateway, tt.asked, host)
			}
		}
		for host := range strings.FieldsSeq(tt.off) {
			if listens(host) {
				t.Errorf("%d %q: listens on %s", tt.gateway, tt.asked, host)
			}
		}
	}
}

// TestV_FORWARD_6_7_9_C_SERVER_63_Requests: requests to listen and to stop it.
func TestV_FORWARD_6_7_9_C_SERVER_63_Requests(t *testing.T) {
	var asked recorded[string]
	b := newServed(t, nil, func() forward.Rules {
		return forward.Rules{Listen: func(network, address string) deferred.Deferred[struct{}] {
			asked.add(address)
			return deferred.Succeed(struct{}{})
		}}
	})
	client := b.client()
	for _, port := range []uint32{1, 22, 1023, 65536, 1 << 31} { // privileged, or no port
		if _, ok := forwardRequest(t, client, "localhost", port); ok {
			t.Errorf("listens on %d", port)
		}
	}
	if got := asked.get(); len(got) > 0 {
		t.Errorf("the rule was asked about %q", got)
	}
	port, ok := forwardRequest(t, client, "localhost", 0)
	if !ok {
		t.Fatal("refused")
	}
	if _, again := forwardRequest(t, client, "localhost", port); again {
		t.Error("listens twice on a port")
	}
	if _, _, err := client.SendRequest("tcpip-forward", false, join(str([]byte("localhost")), number(0))); err != nil {
		t.Fatal(err)
	}
	cancel := func(host string, port uint32) bool {
		ok, _, err := client.SendRequest("cancel-tcpip-forward", true, join(str([]byte(host)), number(port)))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if got := asked.get(); len(got) != 1 { // an open port without a reply is refused
		t.Errorf("the rule was asked about %q", got)
	}
	if cancel("127.0.0.1", port) || cancel("localhost", 0) || !cancel("localhost", port) || cancel("localhost", port) {
		t.Error("cancelled another listener, or not the right one")
	}
	if _, ok := forwardRequest(t, client, "localhost", port); !ok {
		t.Error("the port is not free after a cancel")
	}
	for name, data := range map[string][]byte{"tcpip-forward": []byte("junk"), "cancel-tcpip-forward": []byte("junk"), "streamlocal-forward@openssh.com": []byte("j")} {
		if ok, _, err := client.SendRequest(name, true, data); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	for range 10 { // the port is free for the next login
		client.Close()
		await(t, "the end of the connection", func() bool { return b.connections() == 0 })
		client = b.client()
		if _, ok := forwardRequest(t, client, "localhost", port); !ok {
			t.Fatal("the port is in use after the end of the connection")
		}
	}
	granted := newServed(t, nil, func() forward.Rules {
		rules := all()
		rules.PrivilegedPorts = true
		return rules
	}).client()
	for port := uint32(1); port < 1024; port++ { // as root, one of them is free
		if _, ok := forwardRequest(t, granted, "localhost", port); ok {
			break
		} else if port == 1023 && os.Getuid() == 0 {
			t.Error("no privileged port although the rules allow it")
		}
	}
}

// TestV_FORWARD_8_9_C_SERVER_60_61_ForwardedTCPIP: the channel has the address
// that the client asked for, the chosen port, and the address of the originator.
// An open channel outlives the listener, data that comes early is kept, and a
// channel that the client refuses closes the socket.
func TestV_FORWARD_8_9_C_SERVER_60_61_ForwardedTCPIP(t *testing.T) {
	client := newServed(t, nil, all).client()
	channels := client.HandleChannelOpen("forwarded-tcpip")
	for _, asked := range []string{"localhost", "127.0.0.1", ""} {
		port, ok := forwardRequest(t, client, asked, 0)
		if !ok {
			t.Fatal("refused")
		}
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(sshtest.Patience)) // it is open
		if _, err := c.Write([]byte("early")); err != nil {
			t.Fatal(err)
		}
		offered := <-channels
		at, originator, err := forward.UnpackOpenDirectTCPIP(offered.ExtraData())
		if from := c.LocalAddr().(*net.TCPAddr); err != nil || at != (forward.HostPort{Host: asked, Port: int(port)}) || originator != (forward.HostPort{Host: "127.0.0.1", Port: from.Port}) {
			t.Errorf("%q: at %v from %v, %v", asked, at, originator, err)
		}
		ch, requests, err := offered.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go gossh.DiscardRequests(requests) // ends with the channel
		if ok, _, _ := client.SendRequest("cancel-tcpip-forward", true, join(str([]byte(asked)), number(port))); !ok {
			t.Errorf("%q: cannot be cancelled", asked)
		}
		text := make([]byte, 5)
		if _, err := io.ReadFull(ch, text); err != nil || string(text) != "early" {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := ch.Write([]byte("back")); err != nil {
			t.Error(err)
		}
		ch.Close()
		if text, err := io.ReadAll(c); string(text) != "back" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		c.Close()
	}
	port, _ := forwardRequest(t, client, "localhost", 0)
	c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(sshtest.Patience)) // it is open
	if err := (<-channels).Reject(gossh.Prohibited, "no"); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the refusal: %v", err)
	}
}

// TestV_FORWARD_7_Permits: the options permitopen and permitlisten of a key
// compare what the client has sent.
func TestV_FORWARD_7_Permits(t *testing.T) {
	echo := echoServer(t, "tcp", "127.0.0.1:0")
	_, open := splitPort(echo)
	free := uint32(sshtest.FreePort(t))
	client := newServed(t, func(f *server.SSHFactory) {
		f.Restrictions.PermitOpen = []string{fmt.Sprint("127.0.0.1:", open)}
		f.Restrictions.PermitListen = []string{fmt.Sprint("localhost:", free)}
	}, all).client()
	if _, err := direct(client, "127.0.0.1", open); err != nil {
		t.Error(err)
	}
	for host, port := range map[string]uint32{"localhost": open, "127.0.0.1": open + 1, "a:b]:1": open} {
		if _, err := direct(client, host, port); err == nil || err.Reason != gossh.Prohibited {
			t.Errorf("%s:%d: %v", host, port, err)
		}
	}
	for host, port := range map[string]uint32{"127.0.0.1": free, "": free, "localhost": 0} {
		if _, ok := forwardRequest(t, client, host, port); ok {
			t.Errorf("listens on %s:%d", host, port)
		}
	}
	if _, ok := forwardRequest(t, client, "localhost", free); !ok {
		t.Error("refused what is permitted")
	}
	off := newServed(t, func(f *server.SSHFactory) { f.Restrictions.NoPortForwarding = true }, all).client()
	if _, err := direct(off, "127.0.0.1", open); err == nil {
		t.Error("forwards although the key forbids it")
	}
}

// TestV_LIMITS_29_Sockets: the sockets of all connections are counted together.
func TestV_LIMITS_29_Sockets(t *testing.T) {
	limit := forward.NewSocketLimit(4)
	b := newServed(t, func(f *server.SSHFactory) { f.Sockets = limit }, all)
	host, port := splitPort(echoServer(t, "tcp", "127.0.0.1:0"))
	one, two := b.client(), b.client()
	first, refused := direct(one, host, port)
	if refused != nil {
		t.Fatal(refused)
	}
	if _, refused := direct(two, host, port); refused != nil {
		t.Fatal(refused)
	}
	if _, ok := forwardRequest(t, two, "localhost", 0); !ok { // two sockets
		t.Fatal("refused")
	}
	if limit.Open() != 4 {
		t.Errorf("%d sockets", limit.Open())
	}
	if _, refused := direct(one, host, port); refused == nil || refused.Reason != gossh.ResourceShortage {
		t.Errorf("a fifth socket: %v", refused)
	}
	if _, ok := forwardRequest(t, one, "127.0.0.1", 0); ok {
		t.Error("a fifth socket listens")
	}
	first.Close()
	if !b.eventually(func() bool { return limit.Open() == 3 }) {
		t.Errorf("%d sockets after a close", limit.Open())
	}
	if _, refused := direct(one, "127.0.0.1", uint32(sshtest.FreePort(t))); refused == nil || refused.Reason != gossh.ConnectionFailed {
		t.Errorf("nobody listens: %v", refused)
	}
	if !b.eventually(func() bool { return limit.Open() == 3 }) {
		t.Errorf("%d sockets after a refusal", limit.Open())
	}
	one.Close()
	two.Close()
	if !b.eventually(func() bool { return limit.Open() == 0 }) {
		t.Errorf("%d sockets at the end", limit.Open())
	}
}

// TestV_LIMITS_24_Listeners: the number of listeners of a connection is bounded,
// and so is the number of connections that a client does not answer.
func TestV_LIMITS_24_Listeners(t *testing.T) {
	client := newServed(t, func(f *server.SSHFactory) { f.MaxChannels = 3 }, all).client()
	waiting := client.HandleChannelOpen("forwarded-tcpip")
	port, ok := forwardRequest(t, client, "127.0.0.1", 0)
	n := 1
	for ; ok && n < 100; n++ {
		_, ok = forwardRequest(t, client, "127.0.0.1", 0)
	}
	if n -= 1; n != 64 {
		t.Errorf("%d listeners", n)
	}
	closed := make(chan error, 5)
	for range 5 {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() { // ends with the connection
			_, err := c.Read(make([]byte, 1))
			closed <- err
		}()
	}
	for range 2 { // more channels than the limit
		if err := <-closed; err == nil {
			t.Error("data from nobody")
		}
	}
	for range 3 {
		_ = (<-waiting).Reject(gossh.Prohibited, "no")
		<-closed
	}
}
