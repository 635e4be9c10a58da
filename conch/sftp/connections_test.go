package sftp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// pythonSSH starts a Python SSH server from the testdata of package client.
func pythonSSH(t *testing.T, script, needs string) sshtest.Target {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-W", "ignore", "-c", "import "+needs).Run() != nil {
		conchtest.MissingPeer(t, python+" with the package "+needs)
	}
	dir := t.TempDir()
	_, hostErr := conchtest.NewKeyFile(filepath.Join(dir, "host"))
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err = errors.Join(hostErr, err); err == nil {
		err = os.WriteFile(filepath.Join(dir, "id.pub"), gossh.MarshalAuthorizedKey(key.PublicKey()), 0o600)
	}
	script, absErr := filepath.Abs(filepath.Join("..", "client", "testdata", script))
	if err = errors.Join(err, absErr); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-W", "ignore", script, filepath.Join(dir, "host"), filepath.Join(dir, "id.pub"))
	cmd.Dir = dir
	line, err := bufio.NewReader(sshtest.ServerProcess(t, cmd)).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return sshtest.Target{User: "guest", Host: "127.0.0.1", Port: port, Options: client.Options{
		Identities: []string{filepath.Join(dir, "id")}, NoAgent: true, KnownHosts: []string{filepath.Join(dir, "known")},
		HostKeys: client.AcceptNewHosts, UI: sshtest.NoUI{T: t}, Timeout: sshtest.Patience,
	}}
}

// TestF13_LinkOrder: symbolic links point to their targets, whichever order of
// name and target the server expects.
func TestF13_LinkOrder(t *testing.T) {
	for name, server := range map[string]func(t *testing.T) sshtest.Target{
		"OpenSSH":  func(t *testing.T) sshtest.Target { to, _ := sftpServers["OpenSSH"](t); return to },
		"embedded": func(t *testing.T) sshtest.Target { to, _ := sftpServers["embedded"](t); return to },
		"Twisted":  func(t *testing.T) sshtest.Target { return pythonSSH(t, "twisted_server.py", "twisted.conch") },
		"asyncssh": func(t *testing.T) sshtest.Target { return pythonSSH(t, "asyncssh_server.py", "asyncssh") },
	} {
		t.Run(name, func(t *testing.T) {
			files := dial(t, server(t), sftp.OpenOptions{})
			if err := files.Symlink(t.Context(), "target", "link"); err != nil {
				t.Fatal(err)
			}
			if target, err := files.ReadLink(t.Context(), "link"); err != nil || filepath.Base(target) != "target" {
				t.Errorf("%q, %v", target, err)
			}
			if _, err := files.Lstat(t.Context(), "target"); err == nil {
				t.Error("name and target are exchanged")
			}
			if err := files.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// dropper starts an SSH server that drops the connection when a second channel
// is opened, or when that channel requests the subsystem.
func dropper(t *testing.T, atRequest bool) sshtest.Target {
	_, key, err := newSigner()
	if err != nil {
		t.Fatal(err)
	}
	config := &gossh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "remote"), make([]byte, 64<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup // ends when the connection is closed
	work.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		conn, channels, requests, err := gossh.NewServerConn(c, config)
		if err != nil {
			return
		}
		work.Go(func() { gossh.DiscardRequests(requests) })
		for n := 1; ; n++ {
			offered, ok := <-channels
			if !ok {
				return
			}
			if n > 1 && !atRequest {
				conn.Close()
				return
			}
			ch, requests, err := offered.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				for req := range requests {
					if n > 1 {
						conn.Close()
						continue
					}
					_ = req.Reply(true, nil) // if the connection is lost, another check fails
					work.Go(func() {
						if s, err := pkgsftp.NewServer(ch, pkgsftp.WithServerWorkingDirectory(dir)); err == nil {
							_ = s.Serve() // returns when the connection ends
						}
					})
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	address := l.Addr().(*net.TCPAddr)
	known := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(address, key.PublicKey())), 0o600); err != nil {
		t.Fatal(err)
	}
	return sshtest.Target{User: "guest", Host: "127.0.0.1", Port: address.Port, Options: client.Options{KnownHosts: []string{known}, NoAgent: true}}
}

func newSigner() (string, gossh.Signer, error) {
	dir, err := os.MkdirTemp("", "signer-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "key"))
	return dir, key, err
}

// TestF9_ServerThatDropsTheConnection: at an unknown server, further channels
// are opened only if Options.Channels is set. If the server then drops the
// connection, the error suggests Channels: 1.
func TestF9_ServerThatDropsTheConnection(t *testing.T) {
	for _, atRequest := range []bool{false, true} {
		t.Run(fmt.Sprintf("at the request %v", atRequest), func(t *testing.T) {
			files := dial(t, dropper(t, atRequest), sftp.OpenOptions{})
			stripe(t, files)
			target := filepath.Join(t.TempDir(), "target")
			if report, err := files.Get(t.Context(), "remote", target, sftp.Options{}); err != nil || report.Channels != 1 {
				t.Errorf("without being asked: %+v, %v", report, err)
			}
			if err := os.Remove(target); err != nil {
				t.Error(err)
			}
			_, err := files.Get(t.Context(), "remote", target, sftp.Options{Channels: 3})
			if !errors.Is(err, sftp.ErrFurtherChannel) || !errors.Is(err, conch.ErrConnectionLost) || !strings.Contains(err.Error(), "Channels: 1") {
				t.Errorf("%v", err)
			}
			if err := files.Close(); !errors.Is(err, sftp.ErrFurtherChannel) {
				t.Errorf("closed because of %v", err)
			}
		})
	}
}

// stripe makes a session stripe its transfers over any round trip.
func stripe(t *testing.T, files *sftp.Files) {
	sshtest.OnLoop(t, files.Client().Reactor(), func() { files.Client().StripeFrom(1) })
}

// TestServersThatBearChannels: at an unknown server, a download opens further
// channels only if Options.Channels is set. An upload opens none.
func TestServersThatBearChannels(t *testing.T) {
	var mu sync.Mutex // guards sessions
	sessions := 0
	server, to := sshtest.Embedded(t, conchtest.Options{Session: func(_ gossh.Channel, req *gossh.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		sessions++
		return false
	}})
	files := dial(t, to, sftp.OpenOptions{})
	stripe(t, files)
	source := filepath.Join(server.Dir, "remote")
	if err := os.WriteFile(source, make([]byte, 32<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		channels int
		down, up int
	}{{0, 1, 1}, {3, 3, 1}} {
		o := sftp.Options{Channels: tt.channels}
		down, err := files.GetTo(t.Context(), "remote", io.Discard, o)
		if err != nil || down.Channels != tt.down {
			t.Errorf("down, asked for %d: %+v, %v", tt.channels, down, err)
		}
		up, err := files.Put(t.Context(), source, "uploaded", o)
		if err != nil || up.Channels != tt.up {
			t.Errorf("up, asked for %d: %+v, %v", tt.channels, up, err)
		}
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if sessions != 3 {
		t.Errorf("%d sessions", sessions)
	}
}

// dials counts network connections.
type dials struct {
	mu   sync.Mutex // guards the rest
	made int
	open int
}

type countedConn struct {
	net.Conn
	once sync.Once
	d    *dials
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.d.mu.Lock()
		defer c.d.mu.Unlock()
		c.d.open--
	})
	return c.Conn.Close()
}

func (d *dials) wrap(c net.Conn) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made++
	d.open++
	return &countedConn{Conn: c, d: d}
}

func (d *dials) check(t *testing.T, made, open int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made != made || d.open != open {
		t.Errorf("%d connections made, %d open; want %d and %d", d.made, d.open, made, open)
	}
}

// patient is a writer. Its first Write blocks until ready returns true. ready
// is called on the loop.
type patient struct {
	bytes.Buffer
	r     *reactor.Reactor
	ready func() bool
	over  bool
}

func (p *patient) Write(b []byte) (int, error) {
	for !p.over {
		_, err := reactor.Await(context.Background(), p.r, func() deferred.Deferred[struct{}] {
			p.over = p.ready()
			return deferred.Succeed(struct{}{})
		})
		if err != nil {
			return 0, err
		}
	}
	return p.Buffer.Write(b)
}

// bigFile creates a remote file that is large enough to be striped.
func bigFile(t *testing.T, dir string) []byte {
	t.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef\n"), 48<<20/17)
	if err := os.WriteFile(filepath.Join(dir, "remote"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return content
}

// get downloads remote. The download waits until ready returns true.
func get(t *testing.T, files *sftp.Files, want []byte, o sftp.Options, ready func() bool) sftp.Report {
	t.Helper()
	stripe(t, files)
	w := &patient{r: files.Client().Reactor(), ready: ready}
	report, err := files.GetTo(t.Context(), "remote", w, o)
	if err != nil || !bytes.Equal(w.Bytes(), want) {
		t.Fatalf("%d bytes, %+v, %v", w.Len(), report, err)
	}
	return report
}

// TestConnections: a large download is striped evenly over further connections.
// They are closed when they are idle, and when the session ends.
func TestConnections(t *testing.T) {
	server, to := sshtest.OpenSSH(t)
	content := bigFile(t, server.Home)
	var d dials
	files := dial(t, to.Through(d.wrap), sftp.OpenOptions{Connections: 4})
	d.check(t, 1, 1)
	s := files.Client()
	clock := reactortest.NewClock()
	sshtest.OnLoop(t, s.Reactor(), func() { s.UseClock(clock) })
	for range 2 { // the second time the channels are open
		report := get(t, files, content, sftp.Options{Channels: 8}, func() bool { return slices.Equal(s.Connections(), []int{2, 2, 2, 2}) })
		if report.Channels != 8 {
			t.Errorf("%+v", report)
		}
		d.check(t, 4, 4)
	}
	closed := func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.open == 1
	}
	sshtest.OnLoop(t, s.Reactor(), func() {
		clock.Advance(sftp.ChannelLinger)
		if got := s.Connections(); !slices.Equal(got, []int{1}) {
			t.Errorf("channels after the linger: %v", got)
		}
	})
	for !closed() { // the connections close in the background
		sshtest.OnLoop(t, s.Reactor(), func() {})
	}
	get(t, files, content, sftp.Options{Channels: 8}, func() bool { return len(s.Connections()) == 4 })
	if err := files.Close(); err != nil {
		t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != 0 || d.made != 7 {
		t.Errorf("%d connections made, %d open", d.made, d.open)
	}
}

// TestConnectionsAreNotMade: no further connection is made for a small file,
// for one that the channels of one connection suffice for, or if the options do
// not allow it.
func TestConnectionsAreNotMade(t *testing.T) {
	server, to := sshtest.OpenSSH(t)
	content := bigFile(t, server.Home)
	if err := os.WriteFile(filepath.Join(server.Home, "small"), content[:1<<20], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		open  sftp.OpenOptions
		far   bool
		file  string
		o     sftp.Options
		wants int // greatest number of channels
	}{
		{"small", sftp.OpenOptions{Connections: 4}, true, "small", sftp.Options{}, 1},
		{"worth the channels of one", sftp.OpenOptions{Connections: 4}, true, "remote", sftp.Options{}, 8},
		{"one channel", sftp.OpenOptions{Connections: 4}, true, "remote", sftp.Options{Channels: 1}, 1},
		{"one connection", sftp.OpenOptions{Connections: 1}, true, "remote", sftp.Options{Channels: 8}, 8},
		{"no connections", sftp.OpenOptions{}, true, "remote", sftp.Options{}, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d dials
			files := dial(t, to.Through(d.wrap), tt.open)
			stripe(t, files)
			report, err := files.GetTo(t.Context(), tt.file, io.Discard, tt.o)
			if err != nil || report.Channels > tt.wants {
				t.Errorf("%+v, %v", report, err)
			}
			d.check(t, 1, 1)
			if err := files.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConnectionsAreRefused: if a further connection fails, the transfer uses
// the first one. The user is asked nothing, known_hosts is unchanged, and there
// is no second attempt.
func TestConnectionsAreRefused(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, n int, to *sshtest.Target) (dial func(ctx context.Context, network, address string) (net.Conn, error))
	}{
		{"cannot be dialled", func(*testing.T, int, *sshtest.Target) func(context.Context, string, string) (net.Conn, error) {
			return func(context.Context, string, string) (net.Conn, error) { return nil, broken }
		}},
		{"another host", func(t *testing.T, n int, to *sshtest.Target) func(context.Context, string, string) (net.Conn, error) {
			_, other := sshtest.OpenSSH(t)
			return func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(other.Host, strconv.Itoa(other.Port)))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, to := sshtest.OpenSSH(t)
			content := bigFile(t, server.Home)
			var mu sync.Mutex // guards made
			made := 0
			further := tt.change(t, 0, &to)
			to.Options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				mu.Lock()
				made++
				first := made == 1
				mu.Unlock()
				if first {
					return new(net.Dialer).DialContext(ctx, network, address)
				}
				return further(ctx, network, address)
			}
			before := readFile(t, to.Options.KnownHosts[0])
			files := dial(t, to, sftp.OpenOptions{Connections: 2})
			s := files.Client()
			for range 2 {
				report := get(t, files, content, sftp.Options{Channels: 6}, func() bool {
					return slices.Equal(s.Connections(), []int{6})
				})
				if report.Channels != 6 {
					t.Errorf("%+v", report)
				}
			}
			if err := files.Close(); err != nil {
				t.Error(err)
			}
			if made != 2 || readFile(t, to.Options.KnownHosts[0]) != before {
				t.Errorf("%d attempts, known hosts\n%s", made, readFile(t, to.Options.KnownHosts[0]))
			}
		})
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestConnectionsAskNothing: a password from the options is used for every
// connection. A password that the user has typed is used for the first
// connection only.
func TestConnectionsAskNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(o *sftp.OpenOptions, password string)
		asked  int
		want   []int
	}{
		{"given", func(o *sftp.OpenOptions, password string) { o.Password = password }, 0, []int{3, 3}},
		{"typed", func(*sftp.OpenOptions, string) {}, 1, []int{6}},
		{"from a hook", func(o *sftp.OpenOptions, password string) {
			o.Auth = func(user string, instance conch.Connection) client.UserAuthClient {
				return &hookAuth{*client.NewDefaultAuthClient(user, instance), password, o.UI.(*sshtest.ScriptedUI)}
			}
		}, 1, []int{6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			server, to := sshtest.Embedded(t, conchtest.Options{})
			content := bigFile(t, server.Dir)
			ui := &sshtest.ScriptedUI{Yes: true, Line: sshtest.Answering(server.Password)}
			known := filepath.Join(t.TempDir(), "known_hosts")
			o := sftp.OpenOptions{Options: to.WithoutKeys(t, ui).Options, Connections: 2}
			o.KnownHosts = []string{known}
			tt.change(&o, server.Password)
			files, err := sftp.Dial(t.Context(), to.Name(), o)
			if err != nil {
				t.Fatal(err)
			}
			s := files.Client()
			get(t, files, content, sftp.Options{Channels: 6}, func() bool { return slices.Equal(s.Connections(), tt.want) })
			if err := files.Close(); err != nil {
				t.Error(err)
			}
			if want := tt.asked + 1; len(ui.Asked) != want || strings.Count(readFile(t, known), "\n") != 1 { // one more for the host key
				t.Errorf("asked %q, known hosts\n%s", ui.Asked, readFile(t, known))
			}
		})
	}
}

// hookAuth asks the user for the password in its own GetPassword.
type hookAuth struct {
	client.DefaultAuthClient
	password string
	ui       *sshtest.ScriptedUI
}

func (a *hookAuth) GetPassword(string) deferred.Deferred[string] { return a.ui.ReadLine("hook", false) }

// TestConnectionsThroughAJumpHost: a further connection uses the jump host too.
func TestConnectionsThroughAJumpHost(t *testing.T) {
	_, jump := sshtest.Embedded(t, conchtest.Options{Forwarding: true})
	server, to := sshtest.OpenSSH(t)
	content := bigFile(t, server.Home)
	var d dials
	through := jump.Through(d.wrap)
	to.Options.Jump = through.Client()
	files := dial(t, to, sftp.OpenOptions{Connections: 2})
	s := files.Client()
	get(t, files, content, sftp.Options{Channels: 4}, func() bool { return slices.Equal(s.Connections(), []int{2, 2}) })
	d.check(t, 2, 2)
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenOn_Connections: OpenOn refuses further connections, because it has no
// target to connect to.
func TestOpenOn_Connections(t *testing.T) {
	r := sshtest.Start(t)
	to, _ := sftpServers["embedded"](t)
	conn := sshtest.Connect(t, r, to)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.OpenOn(conn, sftp.OpenOptions{Connections: 2}) })
	if err == nil {
		t.Error("no error")
	}
}

// TestHeldChannels: over a long round trip, a download opens channels before
// the size of the file is known. A large file uses them. Otherwise they are
// closed.
func TestHeldChannels(t *testing.T) {
	server, to := sshtest.OpenSSH(t)
	content := bigFile(t, server.Home)
	if err := os.WriteFile(filepath.Join(server.Home, "small"), []byte("small"), 0o644); err != nil {
		t.Fatal(err)
	}
	files := dial(t, to, sftp.OpenOptions{})
	s := files.Client()
	clock := reactortest.NewClock()
	small := func(want int) {
		t.Helper()
		sshtest.OnLoop(t, s.Reactor(), func() {
			s.UseClock(clock)
			s.SetRoundTrip(time.Second)
		})
		w := &patient{r: s.Reactor(), ready: func() bool { return s.Held() >= want }}
		if report, err := files.GetTo(t.Context(), "small", w, sftp.Options{}); err != nil || report.Channels != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	small(7)
	report := get(t, files, content, sftp.Options{}, func() bool { return s.Connections()[0] == 8 })
	if report.Channels != 8 {
		t.Errorf("%+v", report)
	}
	sshtest.OnLoop(t, s.Reactor(), func() {
		if s.Held() != 0 {
			t.Errorf("%d channels are still held", s.Held())
		}
		clock.Advance(sftp.ChannelLinger)
	})
	small(0) // the server may not have closed the other channels yet
	sshtest.OnLoop(t, s.Reactor(), func() {
		if clock.Advance(sftp.ChannelLinger); s.Held() != 0 {
			t.Errorf("%d channels are held after the linger", s.Held())
		}
	})
	small(0)
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

// TestHeldChannelsAreRefused: the transfer uses the channels that the server
// grants.
func TestHeldChannelsAreRefused(t *testing.T) {
	server, to := sshtest.OpenSSH(t, "MaxSessions 3")
	content := bigFile(t, server.Home)
	files := dial(t, to, sftp.OpenOptions{})
	s := files.Client()
	sshtest.OnLoop(t, s.Reactor(), func() { s.SetRoundTrip(time.Second) })
	report := get(t, files, content, sftp.Options{}, func() bool { return s.Connections()[0] == 3 })
	if report.Channels != 3 {
		t.Errorf("%+v", report)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}
