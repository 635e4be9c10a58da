package manhole_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// hostKey returns a new key.
func hostKey(t *testing.T) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// listen serves a realm over SSH, and returns the address.
func listen(t *testing.T, realm cred.Realm[server.Avatar], log *slog.Logger, checkers ...cred.Checker) string {
	t.Helper()
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{Logger: log})
	factory := manhole.NewConchFactory(cred.NewPortal(realm, append(checkers, cred.InMemory(map[string]string{"alice": "sesame"}))...))
	factory.PrivateKeys = append(factory.PrivateKeys, hostKey(t))
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return port.GetHost().String()
}

// login returns a connection of a client.
func login(t *testing.T, addr string) *gossh.Client {
	t.Helper()
	client, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{User: "alice", Auth: []gossh.AuthMethod{gossh.Password("sesame")},
		HostKeyCallback: gossh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// shell is a session of a client, with a terminal.
type shell struct {
	t *testing.T
	*gossh.Session
	in  io.Writer
	out io.Reader
}

func newShell(t *testing.T, client *gossh.Client) *shell {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err1 := session.StdinPipe()
	out, err2 := session.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &shell{t, session, in, out}
}

func (s *shell) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, keys); err != nil {
		s.t.Fatal(err)
	}
}

// readUntil reads until the output ends with want.
func readUntil(t *testing.T, r io.Reader, want string) string {
	t.Helper()
	var got bytes.Buffer
	for !strings.HasSuffix(got.String(), want) {
		if _, err := io.CopyN(&got, r, 1); err != nil {
			t.Fatalf("%q, then %v; want %q", got.String(), err, want)
		}
	}
	return got.String()
}

// sizes is a line editor that shows the size of the terminal.
type sizes struct {
	recvline.HistoricRecvLine
	lost chan error
}

func (s *sizes) LineReceived(line string) {
	_, _ = s.Terminal().WriteString("got " + line + "\n")
	s.WritePrompt()
}

func (s *sizes) ConnectionLost(reason error) { s.lost <- reason }

// newSizes returns a realm whose programs report their end.
func newSizes() (*manhole.TerminalRealm, chan error) {
	lost := make(chan error, 10)
	return manhole.NewTerminalRealm(func() insults.Protocol { return &sizes{lost: lost} }), lost
}

// wantLost fails the test unless the program has ended once.
func wantLost(t *testing.T, lost chan error) {
	t.Helper()
	if err := <-lost; err == nil {
		t.Error("no reason")
	}
	select {
	case err := <-lost:
		t.Error("lost twice:", err)
	default:
	}
}

// T-MANHOLE-30, 31, 34, 35, 37, 38: a line editor over SSH.
func TestOverSSH(t *testing.T) {
	realm, lost := newSizes()
	s := newShell(t, login(t, listen(t, realm, slog.New(slog.DiscardHandler))))
	if err := errors.Join(s.RequestPty("xterm", 30, 100, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
	const opening = "\x1bc>>> \x1b[4h\x1b[2J\x1b[H>>> "
	if got := readUntil(t, s.out, opening); got != opening {
		t.Errorf("%q", got)
	}
	s.types("ab")
	readUntil(t, s.out, "ab")
	if err := s.WindowChange(10, 6); err != nil {
		t.Fatal(err)
	}
	if got := readUntil(t, s.out, "ab \r\x1b[K"); got != "\x1b[2J\x1b[H>>> ab \r\x1b[K" { // the row is full
		t.Errorf("%q", got)
	}
	if err := s.WindowChange(0, 1<<31); err != nil {
		t.Fatal(err)
	}
	readUntil(t, s.out, "\x1b[2J\x1b[H>>> ab")
	s.types("c\r")
	readUntil(t, s.out, "c\r\ngot abc\r\n>>> ")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantLost(t, lost)
}

// Input that precedes the shell comes after the size.
func TestT_MANHOLE_34_EarlyInput(t *testing.T) {
	realm, lost := newSizes()
	client := login(t, listen(t, realm, slog.New(slog.DiscardHandler)))
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(requests) // ends with the channel
	if _, err := io.WriteString(channel, "early\r"); err != nil {
		t.Fatal(err)
	}
	pty := gossh.Marshal(struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}{"xterm", 90, 20, 0, 0, ""})
	for _, request := range []struct {
		name string
		data []byte
	}{{"pty-req", pty}, {"shell", nil}} {
		if ok, err := channel.SendRequest(request.name, true, request.data); !ok || err != nil {
			t.Fatal(request.name, ok, err)
		}
	}
	const want = "\x1bc>>> \x1b[4h\x1b[2J\x1b[H>>> early\r\ngot early\r\n>>> "
	if got := readUntil(t, channel, "got early\r\n>>> "); got != want {
		t.Errorf("%q", got)
	}
	_ = channel.Close() // the other side may be faster
	wantLost(t, lost)
}

func TestT_MANHOLE_32_33_Refusals(t *testing.T) {
	log := new(reactortest.Log)
	realm, _ := newSizes()
	client := login(t, listen(t, realm, log.Logger()))
	for name, request := range map[string]func(s *gossh.Session) error{
		"a command":       func(s *gossh.Session) error { return s.Start("ls") },
		"sftp":            func(s *gossh.Session) error { return s.RequestSubsystem("sftp") },
		"no terminal":     func(s *gossh.Session) error { return s.Shell() },
		"a variable":      func(s *gossh.Session) error { return s.Setenv("LANG", "C") },
		"a command (pty)": func(s *gossh.Session) error { return errors.Join(s.RequestPty("x", 1, 1, nil), s.Start("ls")) },
	} {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := request(session); err == nil {
			t.Errorf("%s is not refused", name)
		}
		_ = session.Close() // it is of no use
	}
	if _, err := client.Dial("tcp", "127.0.0.1:1"); err == nil {
		t.Error("a connection was forwarded")
	}
	if _, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded")
	}
	for _, want := range []string{"cannot execute commands", "needs a terminal"} {
		if len(log.Take(want)) == 0 {
			t.Errorf("%q is not logged: %q", want, log.Records())
		}
	}
}

// The end of the input ends the program, with exit status 0; the connection
// stays.
func TestT_MANHOLE_36_EndOfInput(t *testing.T) {
	realm, lost := newSizes()
	client := login(t, listen(t, realm, slog.New(slog.DiscardHandler)))
	for range 2 {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		session.Stdin = strings.NewReader("a\rb")
		var out bytes.Buffer
		session.Stdout = &out
		if err := errors.Join(session.RequestPty("xterm", 24, 80, nil), session.Shell(), session.Wait()); err != nil {
			t.Error(err)
		}
		if got := out.String(); !strings.HasSuffix(got, "a\r\ngot a\r\n>>> b\x1bc") {
			t.Errorf("%q", got)
		}
		wantLost(t, lost)
	}
}

// OpenSSH's client without input: the session ends, with exit status 0.
func TestT_MANHOLE_36_OpenSSH(t *testing.T) {
	program := conchtest.Program(t, "ssh")
	file := filepath.Join(t.TempDir(), "id")
	key, err := conchtest.NewKeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	admins := cred.InMemorySSHKeyDB{"alice": cred.ParseAuthorizedKeys(gossh.MarshalAuthorizedKey(key.PublicKey()), "the key")}
	realm, lost := newSizes()
	addr := listen(t, realm, slog.New(slog.DiscardHandler), cred.NewSSHPublicKeyChecker(admins))
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ssh := exec.Command(program, "-F", "none", "-tt", "-i", file, "-p", port, "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "alice@127.0.0.1")
	out, err := ssh.Output()
	if err != nil || !strings.HasSuffix(string(out), ">>> \x1bc") {
		t.Errorf("%q, %v", out, err)
	}
	wantLost(t, lost)
}

// The connection is cut, and the program is told once.
func TestT_MANHOLE_37_Cut(t *testing.T) {
	realm, lost := newSizes()
	client := login(t, listen(t, realm, slog.New(slog.DiscardHandler)))
	s := newShell(t, client)
	if err := errors.Join(s.RequestPty("xterm", 30, 100, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
	readUntil(t, s.out, ">>> ")
	_ = client.Close() // the other side may be faster
	wantLost(t, lost)
}

// A Manhole over SSH, to its end with ^D.
func TestT_MANHOLE_38_ExitStatus(t *testing.T) {
	build := func(s *manhole.TerminalSession) *insults.ServerProtocol {
		m := manhole.NewColored(starlarkrepl.New, map[string]any{"user": s.Login().User, "term": s.Term()})
		m.Logger = slog.New(slog.DiscardHandler)
		return insults.NewServerProtocol(func() insults.Protocol { return m })
	}
	s := newShell(t, login(t, listen(t, &manhole.TerminalRealm{ChainedProtocolFactory: build}, slog.New(slog.DiscardHandler))))
	if err := errors.Join(s.RequestPty("vt220", 30, 100, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
	readUntil(t, s.out, "\x1b[H>>> ")
	s.types("(user, term)\r")
	readUntil(t, s.out, "(\"alice\", \"vt220\")\r\n>>> ")
	s.types("\x04")
	readUntil(t, s.out, "\x1bc")
	if err := s.Wait(); err != nil {
		t.Error("the exit status:", err)
	}
}

// A realm that is not complete, and one without a program for a user.
func TestT_MANHOLE_31_Realms(t *testing.T) {
	var failed error
	(&manhole.TerminalRealm{}).RequestAvatar("alice", nil).OnError(func(err error) { failed = err })
	if failed == nil {
		t.Error("no error")
	}
	realm := &manhole.TerminalRealm{ChainedProtocolFactory: func(*manhole.TerminalSession) *insults.ServerProtocol { return nil }}
	session, err := login(t, listen(t, realm, slog.New(slog.DiscardHandler))).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(session.RequestPty("xterm", 24, 80, nil), session.Shell()); err == nil {
		t.Error("the shell is not refused")
	}
}
