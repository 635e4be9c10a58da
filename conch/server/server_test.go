package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// short is a Server of a test. The user is ana, with the password secret.
type short struct {
	t    *testing.T
	s    *server.Server
	r    *reactor.Reactor
	log  *reactortest.Log
	addr string
}

func serveShort(t *testing.T, s *server.Server) *short {
	t.Helper()
	if _, again := checked.LoadOrStore(t, true); !again {
		reactortest.CheckGoroutines(t) // after the servers of the test have ended
	}
	b := &short{t: t, s: s, log: reactortest.NewLog(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	if s.Passwords == nil && s.AuthorizedKeys == nil && s.Checkers == nil {
		s.Passwords = map[string]string{"ana": "secret"}
	}
	if s.PrivateKeys == nil && s.HostKeyDir == "" {
		s.PrivateKeys = []gossh.Signer{newKey(t)}
	}
	b.addr = b.listen()
	return b
}

func (b *short) listen() string {
	b.t.Helper()
	port, err := onLoop(b, func() (reactor.ListeningPort, error) { return b.s.Listen(b.r, "127.0.0.1:0") })
	if err != nil {
		b.t.Fatal(err)
	}
	return port.GetHost().String()
}

func onLoop[T any](b *short, f func() (T, error)) (T, error) {
	b.t.Helper()
	return sshtest.Await(b.t, b.r, func() deferred.Deferred[T] { return deferred.Maybe(f) })
}

func (b *short) dialAs(user string, auth ...gossh.AuthMethod) (*gossh.Client, error) {
	c, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{User: user, Auth: auth, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: sshtest.Patience})
	if err == nil {
		b.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func (b *short) dial() *gossh.Client {
	b.t.Helper()
	c, err := b.dialAs("ana", gossh.Password("secret"))
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *short) session(c *gossh.Client) *gossh.Session {
	b.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// run runs a command on a new connection. Its output ends with the exit status.
func (b *short) run(c *gossh.Client, line string) string {
	b.t.Helper()
	return outcomeOf(b.session(c).CombinedOutput(line))
}

// outcomeOf returns output and the exit status behind it.
func outcomeOf(out []byte, err error) string {
	status := 0
	if exit, ok := errors.AsType[*gossh.ExitError](err); ok {
		status = exit.ExitStatus()
	} else if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s(%d)", out, status)
}

func (b *short) sftp(c *gossh.Client) *sftp.Client {
	b.t.Helper()
	files, err := sftp.NewClient(c)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { files.Close() })
	return files
}

func dirServer(dir string, o store.DirOptions) func(*server.Login) (filetransfer.BlockingServer, error) {
	return func(*server.Login) (filetransfer.BlockingServer, error) { return store.OpenDir(dir, o) }
}

func hello(_ context.Context, c *server.Command) int {
	fmt.Fprint(c.Stdout, "hello")
	return 0
}

// TestServer_Directory: a directory that clients cannot leave, for users with a
// key or a password. V-ECOSYSTEM-12: relative paths begin in a directory of the
// server's choice. V-ECOSYSTEM-15: the session knows the key.
func TestServer_Directory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o755); err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	b := serveShort(t, &server.Server{
		Passwords:      map[string]string{"ana": "secret"},
		AuthorizedKeys: map[string]string{"ben": "# laptop\n" + string(gossh.MarshalAuthorizedKey(key.PublicKey()))},
		SFTP: func(l *server.Login) (filetransfer.BlockingServer, error) {
			if want := gossh.FingerprintSHA256(key.PublicKey()); l.User == "ben" && l.Fingerprint() != want {
				t.Errorf("%q", l.Fingerprint())
			}
			return store.OpenDir(dir, store.DirOptions{Start: "home", User: l.User})
		},
	})
	ben, err := b.dialAs("ben", gossh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*gossh.Client{b.dial(), ben} {
		files := b.sftp(c)
		if got, err := files.Getwd(); got != "/home" || err != nil {
			t.Error(got, err)
		}
		name := "by-" + c.User()
		if f, err := files.Create(name); err != nil {
			t.Error(err)
		} else if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "home", name)); err != nil {
			t.Error(err)
		}
		if _, err := files.Stat("/../../etc/passwd"); !os.IsNotExist(err) {
			t.Error(err)
		}
	}
	for user, auth := range map[string]gossh.AuthMethod{
		"ana": gossh.PublicKeys(key), "ben": gossh.Password("secret"), "eve": gossh.Password("secret"),
	} {
		if _, err := b.dialAs(user, auth); err == nil {
			t.Errorf("%s may log in with %T", user, auth)
		}
	}
	if c, err := b.dialAs("ana", gossh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
		return []string{"secret"}[:len(questions)], nil
	})); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

// TestV_ECOSYSTEM_16_17: RENAME replaces nothing, posix-rename does; and the
// extensions that servers lack.
func TestV_ECOSYSTEM_16_17_RenameAndExtensions(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := serveShort(t, &server.Server{SFTP: dirServer(dir, store.DirOptions{})})
	files := b.sftp(b.dial())
	if err := files.Rename("a", "b"); err == nil {
		t.Error("RENAME has replaced a file")
	}
	if err := files.Link("a", "c"); err != nil {
		t.Error(err)
	}
	if err := files.PosixRename("a", "b"); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "b")); string(content) != "a" {
		t.Errorf("%q, %v", content, err)
	}
	for _, name := range []string{"statvfs@openssh.com", "lsetstat@openssh.com", "limits@openssh.com"} {
		if _, ok := files.HasExtension(name); !ok {
			t.Errorf("no %s", name)
		}
	}
}

// TestServer_ReadOnly: an fs.FS, and a directory that ReadOnly protects.
func TestServer_ReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*server.Server{
		{SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.NewFS(fstest.MapFS{"file": {Data: []byte("content")}}), nil
		}},
		{SFTP: dirServer(dir, store.DirOptions{}), ReadOnly: true},
	} {
		b := serveShort(t, s)
		files := b.sftp(b.dial())
		f, err := files.Open("file")
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(f); string(content) != "content" || err != nil {
			t.Errorf("%q, %v", content, err)
		}
		for what, err := range map[string]error{"remove": files.Remove("file"), "mkdir": files.Mkdir("d")} {
			if !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// TestServer_Commands: V-ECOSYSTEM-9 and 14: the exit status arrives, and
// commands and files are on one server, with one Login.
func TestServer_Commands(t *testing.T) {
	b := serveShort(t, &server.Server{
		SFTP: dirServer(t.TempDir(), store.DirOptions{}),
		Handle: func(_ context.Context, c *server.Command) int {
			in, _ := io.ReadAll(c.Stdin) // the output shows an error
			fmt.Fprintf(c.Stdout, "%s ran %s with %s %s", c.Login.User, c.Line, c.Env, in)
			fmt.Fprint(c.Stderr, "!")
			return 3
		},
	})
	c := b.dial()
	s := b.session(c)
	s.Stdin = strings.NewReader("input")
	var stderr strings.Builder
	s.Stderr = &stderr
	if err := s.Setenv("LC_ALL", "C"); err != nil {
		t.Error(err)
	}
	if got := outcomeOf(s.Output("a b")); got != "ana ran a b with [LC_ALL=C] input(3)" || stderr.String() != "!" {
		t.Errorf("%q, %q", got, &stderr)
	}
	if _, err := b.sftp(c).Getwd(); err != nil {
		t.Error(err)
	}
}

// TestServer_SCP: "scp -O" works on a server that runs no commands,
// V-ECOSYSTEM-22. Who has no files learns that.
func TestServer_SCP(t *testing.T) {
	dir := t.TempDir()
	b := serveShort(t, &server.Server{SFTP: dirServer(dir, store.DirOptions{}), LogFiles: true})
	s := b.session(b.dial())
	s.Stdin = strings.NewReader("C0644 7 a\ncontent\x00")
	if got := outcomeOf(s.Output("scp -t b")); got != "\x00\x00\x00(0)" {
		t.Errorf("%q", got)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "b")); string(content) != "content" {
		t.Errorf("%q, %v", content, err)
	}
	b.wait(`scp: command "scp -t b" user=ana`)
	for _, c := range []struct {
		s    *server.Server
		want string
	}{
		{&server.Server{SFTP: dirServer(dir, store.DirOptions{}), ReadOnly: true}, "\x02scp: b: the files of this server cannot be changed\n(1)"},
		{&server.Server{SFTP: func(*server.Login) (filetransfer.BlockingServer, error) { return nil, errTest }}, "scp: the server has no files for you\n(1)"},
		{&server.Server{SFTP: dirServer(dir, store.DirOptions{}), Handle: hello}, "hello(0)"},
	} {
		b := serveShort(t, c.s)
		if got := b.run(b.dial(), "scp -t b"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestServer_Explains: a user who asks for what there is not learns why.
func TestServer_Explains(t *testing.T) {
	files := dirServer(t.TempDir(), store.DirOptions{})
	for _, c := range []struct {
		s              *server.Server
		command, shell string
	}{
		{&server.Server{SFTP: files}, "This server runs no commands. It serves files over SFTP.\r\n(1)", "This server has no shell. It serves files over SFTP.\r\n(1)"},
		{&server.Server{Handle: hello}, "hello(0)", "This server has no shell. It runs commands.\r\n(1)"},
		{&server.Server{SFTP: files, Handle: hello, HandleShells: true}, "hello(0)", "hello(0)"},
		{&server.Server{Forwarding: forward.Rules{Open: forward.AllowAll}},
			"This server runs no commands. It forwards connections.\r\n(1)", "This server has no shell. It forwards connections.\r\n(1)"},
	} {
		b := serveShort(t, c.s)
		conn := b.dial()
		if got := b.run(conn, "ls"); got != c.command {
			t.Errorf("%q, want %q", got, c.command)
		}
		s := b.session(conn)
		var out, stderr strings.Builder
		s.Stdout, s.Stderr = &out, &stderr
		err := s.Shell()
		if err == nil {
			err = s.Wait()
		}
		if got := outcomeOf([]byte(out.String()+stderr.String()), err); got != c.shell {
			t.Errorf("%q, want %q", got, c.shell)
		}
	}
}

// greeter is a line protocol. "quit" ends it.
type greeter struct{ protocols.LineReceiver }

func newGreeter(*server.Login) reactor.Protocol {
	g := new(greeter)
	g.Delimiter = []byte("\n")
	return g
}

func (g *greeter) LineReceived(line []byte) {
	if string(line) == "quit" {
		g.Transport().LoseConnection()
		return
	}
	g.SendLine(fmt.Appendf(nil, "hello, %q", line))
}

// TestServer_Shell: lines are edited with a terminal, and pass as they are
// without.
func TestServer_Shell(t *testing.T) {
	b := serveShort(t, &server.Server{Shell: newGreeter})
	conn := b.dial()
	for _, c := range []struct {
		terminal    bool
		typed, seen string
		status      int
	}{
		{false, "ana\nben\nquit\nmore\n", "hello, \"ana\"\nhello, \"ben\"\n", 0},
		{true, "ana\rquit\rmore\r", "ana\r\nhello, \"ana\"\r\nquit\r\n", 0},
		{true, "x\x7fy\b\x7fz\r\nquit\n", "x\b \by\b \bz\r\nhello, \"z\"\r\nquit\r\n", 0},
		{true, "ä€\x7f\rquit\r", "ä€\b \b\r\nhello, \"ä\"\r\nquit\r\n", 0},
		{true, "one two  \x17\x15q\x1b[1;5C\x1bOA\x1bx\r\x04", "one two  \b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \bq\r\nhello, \"q\"\r\n", 0},
		{true, "a\x04b\r\x04", "ab\r\nhello, \"ab\"\r\n", 0}, // Ctrl-D within a line
		{true, "abc\x03def\r", "abc^C\r\n", 130},
	} {
		s := b.session(conn)
		if c.terminal {
			if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
				t.Fatal(err)
			}
		}
		in, err := s.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		s.Stdout = &out
		if err := s.Shell(); err != nil {
			t.Fatal(err)
		}
		for i := range len(c.typed) { // one byte at a time
			if _, err := io.WriteString(in, c.typed[i:i+1]); err != nil {
				break // the shell has ended
			}
		}
		err = s.Wait() // before out is complete
		if got, want := outcomeOf([]byte(out.String()), err), fmt.Sprintf("%s(%d)", c.seen, c.status); got != want {
			t.Errorf("%q: %q, want %q", c.typed, got, want)
		}
	}
}

// TestServer_LongLine: a user cannot type more than a line of a terminal has.
func TestServer_LongLine(t *testing.T) {
	lines := make(chan int, 1)
	b := serveShort(t, &server.Server{Shell: func(*server.Login) reactor.Protocol { return &lineLengths{lines: lines} }})
	s := b.session(b.dial())
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	s.Stdin = strings.NewReader(strings.Repeat("x", 1<<20) + "\r")
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if n := <-lines; n != 4<<10+1 {
		t.Errorf("a line of %d bytes", n)
	}
}

type lineLengths struct {
	reactor.BaseProtocol
	lines chan int
}

func (c *lineLengths) DataReceived(p []byte) { c.lines <- len(p) }

// TestServer_Bastion: V-ECOSYSTEM-2, 3 and 21: what is on the list is forwarded, in
// both directions, and nothing else; without a list nothing is.
func TestServer_Bastion(t *testing.T) {
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	go func() { // ends with inside
		for {
			c, err := inside.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "inside")
			c.Close()
		}
	}()
	b := serveShort(t, &server.Server{Forwarding: forward.Rules{Open: forward.Allow(inside.Addr().String()), Listen: forward.Allow("127.0.0.1:0")}})
	conn := b.dial()
	c, err := conn.Dial("tcp", inside.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); string(got) != "inside" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := conn.Dial("tcp", b.addr); err == nil {
		t.Error("another address was reached")
	}
	l, err := conn.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := conn.Listen("tcp", "0.0.0.0:0"); err == nil {
		t.Error("the client listens on all addresses")
	}
	plain := serveShort(t, &server.Server{Handle: hello})
	conn = plain.dial()
	if _, err := conn.Dial("tcp", inside.Addr().String()); err == nil {
		t.Error("forwarding without rules")
	}
	if _, err := conn.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("listening without rules")
	}
}

// TestServer_ForcedCommands: the options of a key hold; internal-sftp is the
// server's own SFTP.
func TestServer_ForcedCommands(t *testing.T) {
	date, files := newKey(t), newKey(t)
	line := func(options string, key gossh.Signer) string {
		return options + " " + string(gossh.MarshalAuthorizedKey(key.PublicKey()))
	}
	b := serveShort(t, &server.Server{
		AuthorizedKeys: map[string]string{"ana": line(`command="date"`, date) + line(`restrict,command="internal-sftp"`, files)},
		SFTP:           dirServer(t.TempDir(), store.DirOptions{}),
		Handle: func(_ context.Context, c *server.Command) int {
			fmt.Fprint(c.Stdout, c.Line, c.Env)
			return 0
		},
	})
	c, err := b.dialAs("ana", gossh.PublicKeys(date))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.run(c, "ls"); got != "date[SSH_ORIGINAL_COMMAND=ls](0)" {
		t.Errorf("%q", got)
	}
	if c, err = b.dialAs("ana", gossh.PublicKeys(files)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.sftp(c).Getwd(); err != nil {
		t.Error(err)
	}
	s := b.session(c)
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("rm -rf /"); err != nil { // internal-sftp runs instead
		t.Fatal(err)
	}
	client, err := sftp.NewClientPipe(out, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Getwd(); err != nil {
		t.Error(err)
	}
	client.Close()
}

// TestV_ECOSYSTEM_6_NoneByCallback: a checker decides about clients that present
// nothing.
func TestV_ECOSYSTEM_6_NoneByCallback(t *testing.T) {
	b := serveShort(t, &server.Server{Checkers: []cred.Checker{onlyGuests{}}, Handle: hello})
	if c, err := b.dialAs("guest"); err != nil {
		t.Error(err)
	} else if got := b.run(c, "x"); got != "hello(0)" {
		t.Error(got)
	}
	if _, err := b.dialAs("ana"); err == nil {
		t.Error("ana is no guest")
	}
}

type onlyGuests struct{}

func (onlyGuests) Kinds() []cred.Kind { return []cred.Kind{cred.KindNone} }

func (onlyGuests) RequestAvatarID(c cred.Credentials) deferred.Deferred[string] {
	if c.User() != "guest" {
		return deferred.Fail[string](cred.ErrUnauthorized)
	}
	return deferred.Succeed(c.User())
}

// TestV_ECOSYSTEM_10_Panics: a panic in a hook costs its session, and no other.
func TestV_ECOSYSTEM_10_Panics(t *testing.T) {
	b := serveShort(t, &server.Server{
		Handle: func(_ context.Context, c *server.Command) int {
			if c.Line == "panic" {
				panic("as planned")
			}
			return 0
		},
		SFTP:  func(*server.Login) (filetransfer.BlockingServer, error) { panic("as planned") },
		Shell: func(*server.Login) reactor.Protocol { panic("as planned") },
	})
	conn := b.dial()
	if got := b.run(conn, "panic"); got != "(255)" {
		t.Error(got)
	}
	if _, err := sftp.NewClient(conn); err == nil {
		t.Error("there are no files")
	}
	if err := b.session(conn).Shell(); err == nil {
		t.Error("there is no shell")
	}
	if got := b.run(b.dial(), "fine"); got != "(0)" {
		t.Error(got)
	}
	if found := b.log.Take("as planned"); len(found) < 3 {
		t.Errorf("logged: %q", found)
	}
}

// TestV_ECOSYSTEM_13_SlowFiles: opening the files may take its time, and fail;
// the connection works meanwhile. If the client goes, the files are closed.
func TestV_ECOSYSTEM_13_SlowFiles(t *testing.T) {
	asked, open, closed := make(chan struct{}), make(chan error), make(chan struct{}, 1)
	b := serveShort(t, &server.Server{Handle: hello, SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
		asked <- struct{}{}
		if err := <-open; err != nil {
			return nil, err
		}
		return &closingServer{closed: closed}, nil
	}})
	conn := b.dial()
	answered := make(chan error, 1)
	go func() {
		_, err := sftp.NewClient(conn)
		answered <- err
	}()
	<-asked
	if got := b.run(conn, "meanwhile"); got != "hello(0)" {
		t.Error(got)
	}
	open <- errors.New("the disk is gone")
	if err := <-answered; err == nil {
		t.Error("there are no files")
	}
	if found := b.log.Take("the disk is gone"); len(found) != 1 {
		t.Errorf("logged: %q", found)
	}
	s := b.session(conn)
	started := make(chan error, 1)
	go func() { started <- s.RequestSubsystem("sftp") }()
	<-asked
	conn.Close()
	<-started
	if _, err := b.dial().NewSession(); err != nil { // the server has seen the end
		t.Error(err)
	}
	open <- nil
	<-closed
}

type closingServer struct {
	filetransfer.BaseBlockingServer
	closed chan struct{}
}

func (c *closingServer) Close() error {
	c.closed <- struct{}{}
	return nil
}

// TestV_ECOSYSTEM_1_KeepAlive: the server asks silent clients whether they are
// alive, and answers the same question.
func TestV_ECOSYSTEM_1_KeepAlive(t *testing.T) {
	b := serveShort(t, &server.Server{Handle: hello, SSHFactory: server.SSHFactory{ClientAliveInterval: time.Millisecond}})
	socket, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := gossh.NewClientConn(socket, b.addr, &gossh.ClientConfig{
		User: "ana", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // ends with conn
		for ch := range channels {
			_ = ch.Reject(gossh.Prohibited, "")
		}
	}()
	asked := <-requests
	if asked != nil && asked.Type == "hostkeys-00@openssh.com" {
		asked = <-requests
	}
	if asked == nil || asked.Type != "keepalive@openssh.com" || !asked.WantReply {
		t.Fatalf("the server asks %v", asked)
	}
	if err := asked.Reply(false, nil); err != nil {
		t.Error(err)
	}
	go gossh.DiscardRequests(requests) // ends with conn
	if _, _, err := conn.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Error(err)
	}
}

// TestV_ECOSYSTEM_4_UNIXSockets: both halves of forwarding UNIX sockets.
func TestV_ECOSYSTEM_4_UNIXSockets(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // x/crypto/ssh has the halves of the client for UNIX only
	}
	b := serveShort(t, &server.Server{Forwarding: forward.Rules{Open: forward.AllowAll, Listen: forward.AllowAll}})
	conn := b.dial()
	socket := filepath.Join(sshtest.ShortDir(t), "s")
	l, err := conn.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends after one connection
		c, err := l.Accept()
		if err == nil {
			io.WriteString(c, "from the client")
			c.Close()
		}
	}()
	c, err := conn.Dial("unix", socket) // and back through the server
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); string(got) != "from the client" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestV_ECOSYSTEM_5_Banner: a banner for each connection.
func TestV_ECOSYSTEM_5_Banner(t *testing.T) {
	b := serveShort(t, &server.Server{Handle: hello, SSHFactory: server.SSHFactory{NewAuth: func() server.UserAuthServer { return new(bannerAuth) }}})
	var got string
	c, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
		User: "ana", Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
		BannerCallback: func(text string) error { got = text; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got != "hello, ana" {
		t.Errorf("%q", got)
	}
}

type bannerAuth struct{ server.SSHUserAuthServer }

func (g *bannerAuth) Banner() deferred.Deferred[string] {
	return deferred.Succeed("hello, " + g.Login().User)
}

// TestV_ECOSYSTEM_7_TerminalSize: the first size, which may be zero, and each
// later one reach the handler.
func TestV_ECOSYSTEM_7_TerminalSize(t *testing.T) {
	b := serveShort(t, &server.Server{HandleShells: true, Handle: func(_ context.Context, c *server.Command) int {
		fmt.Fprintf(c.Stdout, "%s %dx%d", c.Terminal.Term, c.Terminal.Size.Columns, c.Terminal.Size.Rows)
		size := <-c.Terminal.Resized
		fmt.Fprintf(c.Stdout, " %dx%d", size.Columns, size.Rows)
		return 0
	}})
	s := b.session(b.dial())
	if err := s.RequestPty("xterm", 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if err := s.WindowChange(30, 100); err != nil {
		t.Error(err)
	}
	err := s.Wait()
	if got := outcomeOf([]byte(out.String()), err); got != "xterm 0x0 100x30(0)" {
		t.Errorf("%q", got)
	}
}

// TestV_ECOSYSTEM_19_Resume: an upload is resumed by a write at an offset,
// without the flag to append.
func TestV_ECOSYSTEM_19_Resume(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "part"), []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := serveShort(t, &server.Server{SFTP: dirServer(dir, store.DirOptions{})})
	f, err := b.sftp(b.dial()).OpenFile("part", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(" second"), 5); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "part")); string(content) != "first second" {
		t.Errorf("%q, %v", content, err)
	}
}

// TestV_ECOSYSTEM_23_Quota: an error of the store reaches the client's write.
func TestV_ECOSYSTEM_23_Quota(t *testing.T) {
	b := serveShort(t, &server.Server{SFTP: func(*server.Login) (filetransfer.BlockingServer, error) { return store.NewMemory(1 << 10), nil }})
	f, err := b.sftp(b.dial()).Create("file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 64<<10)); err == nil {
		t.Error("64 KiB fit into 1 KiB")
	}
	if _, err := f.Write(nil); err != nil {
		t.Error(err)
	}
}

// TestV_ECOSYSTEM_11_Shutdown: new clients are refused, those that are there may
// finish, and those that do not are cut off.
func TestV_ECOSYSTEM_11_Shutdown(t *testing.T) {
	for _, limit := range []time.Duration{time.Hour, time.Millisecond} {
		begun, end := make(chan struct{}), make(chan struct{})
		b := serveShort(t, &server.Server{Handle: func(ctx context.Context, c *server.Command) int {
			begun <- struct{}{}
			select {
			case <-end:
			case <-ctx.Done():
			}
			return 5
		}})
		second := b.listen()
		conn := b.dial()
		s := b.session(conn)
		if err := s.Start("x"); err != nil {
			t.Fatal(err)
		}
		<-begun
		down := make(chan error, 1)
		go func() {
			_, err := reactor.Await(t.Context(), b.r, func() deferred.Deferred[struct{}] { return b.s.Shutdown(limit) })
			down <- err
		}()
		if limit == time.Hour {
			end <- struct{}{}
		}
		err := s.Wait()
		if exit, ok := errors.AsType[*gossh.ExitError](err); ok != (limit == time.Hour) || ok && exit.ExitStatus() != 5 {
			t.Errorf("limit %v: %v", limit, err)
		}
		conn.Close()
		if err := <-down; err != nil {
			t.Error(err)
		}
		for _, addr := range []string{b.addr, second} {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				t.Errorf("%s still listens", addr)
			}
		}
		if n, err := onLoop(b, func() (int, error) { return b.s.Connections(), nil }); n != 0 || err != nil {
			t.Error(n, err)
		}
	}
}

// TestServer_Wrong: a server that cannot serve says so in Listen.
func TestServer_Wrong(t *testing.T) {
	passwords := map[string]string{"ana": "secret"}
	files := dirServer(t.TempDir(), store.DirOptions{})
	empty := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	newSession := func(*server.Login) server.Session { return &server.ProgramSession{} }
	for want, s := range map[string]*server.Server{
		"nobody can log in; set Passwords, AuthorizedKeys or Checkers":         {SFTP: files},
		"users can do nothing; set SFTP, Handle, Shell, Session or Forwarding": {Passwords: passwords},
		"Session replaces Handle and Shell; set one of them":                   {Passwords: passwords, Session: newSession, Handle: hello},
		"HandleShells needs Handle":                                            {Passwords: passwords, Shell: newGreeter, HandleShells: true},
		"HandleShells and Shell both serve shells; set one of them":            {Passwords: passwords, Shell: newGreeter, Handle: hello, HandleShells: true},
		"ReadOnly and LogFiles need SFTP":                                      {Passwords: passwords, Handle: hello, LogFiles: true},
		"HostKeyDir and PrivateKeys both have host keys; set one of them":      {Passwords: passwords, SFTP: files, HostKeyDir: "x", SSHFactory: server.SSHFactory{PrivateKeys: []gossh.Signer{newKey(t)}}},
		"a Server makes its own Portal":                                        {SFTP: files, SSHFactory: server.SSHFactory{Portal: cred.NewPortal[server.Avatar](nil)}},
		"the password of ana in Passwords is empty":                            {Passwords: map[string]string{"ana": ""}, SFTP: files},
		"AuthorizedKeys of ana has no key":                                     {AuthorizedKeys: map[string]string{"ana": "# none\n"}, SFTP: files},
		"server: AuthorizedKeys of ana:2: ":                                    {AuthorizedKeys: map[string]string{"ana": "\nno key"}, SFTP: files},
		"server: ":                                                             {Passwords: passwords, SFTP: files, HostKeyDir: filepath.Join(empty, "below")},
		"AuthenticationMethods has the unknown method":                         {Passwords: passwords, SFTP: files, SSHFactory: server.SSHFactory{AuthenticationMethods: [][]string{{"x"}}}},
	} {
		r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger()})
		if _, err := s.Listen(r, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := r.ListenTCP(0, s, reactor.ListenOptions{Interface: "127.0.0.1"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("as a factory: %v, want %q", err, want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a server that cannot serve has made a host key")
	}
	s := &server.Server{Passwords: passwords, SFTP: files}
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "[::1:22", "localhost:0"} {
		if _, err := s.Listen(reactor.New(reactor.Options{NoSignals: true}), address); err == nil {
			t.Errorf("%q: listens", address)
		}
		s.Reactor = nil
	}
	b := serveShort(t, &server.Server{SFTP: files})
	if _, err := b.s.Listen(reactor.New(reactor.Options{NoSignals: true}), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "another reactor") {
		t.Error(err)
	}
}

// TestServer_HostKey: the key stays with HostKeyDir, and the log warns without.
func TestServer_HostKey(t *testing.T) {
	keyOf := func(b *short) (fingerprint string) {
		_, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{HostKeyCallback: func(_ string, _ net.Addr, key gossh.PublicKey) error {
			fingerprint = gossh.FingerprintSHA256(key)
			return errTest
		}})
		if !errors.Is(err, errTest) {
			t.Error(err)
		}
		return fingerprint
	}
	dir := filepath.Join(t.TempDir(), "keys")
	first := serveShort(t, &server.Server{Handle: hello, HostKeyDir: dir})
	again := serveShort(t, &server.Server{Handle: hello, HostKeyDir: dir})
	if a, b := keyOf(first), keyOf(again); a != b || a == "" {
		t.Error(a, b)
	}
	if found := first.log.Take("for this run only"); len(found) > 0 {
		t.Errorf("logged: %q", found)
	}
	b := &short{t: t, s: &server.Server{Handle: hello, Passwords: map[string]string{"ana": "secret"}}, log: reactortest.NewLog(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	b.addr = b.listen()
	if found := b.log.Take("for this run only"); len(found) != 1 || !strings.Contains(found[0], keyOf(b)) {
		t.Errorf("logged: %q", found)
	}
	if port := b.listen(); port == b.addr { // the same key
		t.Error(port)
	}
}

// TestServer_LogFiles: a record for each operation, when asked for.
func TestServer_LogFiles(t *testing.T) {
	for _, asked := range []bool{false, true} {
		b := serveShort(t, &server.Server{SFTP: dirServer(t.TempDir(), store.DirOptions{}), LogFiles: asked})
		files := b.sftp(b.dial())
		f, err := files.Create("a b")
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("content"))
		f.Close()
		files.Mkdir("d")
		files.Mkdir("d")
		if f, err = files.Open("a b"); err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("content"))
		f.Close()
		files.Rename("a b", "d/c")
		files.Remove("gone\x1b")
		files.Close()
		if asked {
			b.wait("sftp: session ends")
		}
		var got []string
		for _, record := range b.log.Take("sftp: ") {
			_, text, _ := strings.Cut(record, "sftp: ")
			got = append(got, reason.ReplaceAllString(fromAna.ReplaceAllString(text, ""), " err"))
		}
		want := logOfFiles
		if !asked {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("asked %v: %q, want %q", asked, got, want)
		}
	}
}

var (
	fromAna = regexp.MustCompile(` user=ana remote=127\.0\.0\.1:\d+`)
	reason  = regexp.MustCompile(` err=.+`) // the text is the system's
)

var logOfFiles = []string{
	"session begins",
	`open "a b" result=Success flags=read,write,create,truncate`,
	`close "a b" result=Success read=0 written=7`,
	"mkdir d result=Success",
	"mkdir d result=Failure err",
	`open "a b" result=Success flags=read`,
	`close "a b" result=Success read=0 written=0 err`,
	`rename "a b" result=Success new=d/c`,
	`remove "gone\x1b" result=No such file`,
	`rmdir "gone\x1b" result=No such file`, // pkg/sftp tries both
	"session ends",
}

func (b *short) wait(text string) {
	(&bed{t: b.t, r: b.r, log: b.log}).wait(text)
}

// TestServer_LogUser: the name of a user is in quotes only if it is unusual.
func TestServer_LogUser(t *testing.T) {
	b := serveShort(t, &server.Server{Handle: hello})
	b.dial()
	b.dialAs("a b", gossh.Password("x"))
	for _, want := range []string{"user=ana", `for "a b" from`, `user="a b"`} {
		b.wait(want)
	}
}

// TestServer_ReplyFirst: the reply to a request precedes the end of the program,
// however short it is.
func TestServer_ReplyFirst(t *testing.T) {
	b := serveShort(t, &server.Server{Handle: hello, Shell: func(*server.Login) reactor.Protocol { return new(leaver) }})
	conn := b.dial()
	for i := range 200 {
		if got := b.run(conn, "x"); got != "hello(0)" {
			t.Fatal(i, got)
		}
		s := b.session(conn)
		var out strings.Builder
		s.Stdout = &out
		err := s.Shell()
		if err == nil {
			err = s.Wait()
		}
		if got := outcomeOf([]byte(out.String()), err); got != "bye(0)" {
			t.Fatal(i, got)
		}
	}
}

// leaver is a shell that ends at once.
type leaver struct{ reactor.BaseProtocol }

func (l *leaver) ConnectionMade() {
	l.Transport().Write([]byte("bye"))
	l.Transport().LoseConnection()
}

func (l *leaver) DataReceived([]byte) {}
