package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// The functions of this file are the code of docs/server.md. The tests at the
// end run them.

func serveFiles(r *reactor.Reactor, address string) (reactor.ListeningPort, error) {
	s := &server.Server{
		HostKeyDir: "/var/lib/files/keys",
		Passwords:  map[string]string{"ana": "secret"},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.OpenDir("/srv/files", store.DirOptions{})
		},
	}
	return s.Listen(r, address)
}

// filesRealm gives each user a directory.
type filesRealm struct {
	r   *reactor.Reactor
	dir string
}

func (m filesRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	user := new(server.ConchUser)
	user.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(user, nil)}
	user.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{
		"sftp": func([]byte) deferred.Deferred[reactor.Protocol] { return m.sftp(id) },
	}
	return deferred.Succeed[server.Avatar](user)
}

func (m filesRealm) sftp(user string) deferred.Deferred[reactor.Protocol] {
	opened := reactor.DeferToThread(m.r, func() (*store.Dir, error) {
		return store.OpenDir(filepath.Join(m.dir, user), store.DirOptions{User: user})
	})
	return deferred.Then(opened, func(dir *store.Dir) (reactor.Protocol, error) {
		return filetransfer.NewFileTransferServer(m.r, filetransfer.InThreads(m.r, dir)), nil
	})
}

func serveFilesLong(r *reactor.Reactor, dir, keyDir string, port int) (reactor.ListeningPort, error) {
	hostKeys, err := server.MakeHostKeys(keyDir)
	if err != nil {
		return nil, err
	}
	portal := cred.NewPortal[server.Avatar](filesRealm{r, dir})
	portal.RegisterChecker(cred.InMemory(map[string]string{"ana": "secret"}))
	factory := &server.SSHFactory{Portal: portal, PrivateKeys: hostKeys}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}

func fileSystem() *server.Server {
	return &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.NewFS(os.DirFS("testdata")), nil
		},
	}
}

func commands() *server.Server {
	return &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Handle: func(ctx context.Context, c *server.Command) (status int) {
			fmt.Fprintln(c.Stdout, c.Login.User, "runs", c.Line, "with the key", c.Login.Fingerprint())
			return 0
		},
	}
}

func programs() *server.Server {
	return &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Session:   func(*server.Login) server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/"} },
	}
}

// upper is a line protocol.
type upper struct{ protocols.LineReceiver }

func (u *upper) LineReceived(line []byte) { u.SendLine([]byte(strings.ToUpper(string(line)))) }

func lines() *server.Server {
	return &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Shell: func(*server.Login) reactor.Protocol {
			return &upper{protocols.LineReceiver{Delimiter: []byte("\n")}}
		},
	}
}

// upperSession connects the protocol in the long form.
type upperSession struct{ server.BaseSession }

func (s *upperSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	p.ConnectProtocol(&upper{protocols.LineReceiver{Delimiter: []byte("\n")}})
	return deferred.Succeed(struct{}{})
}

func bastion() *server.Server {
	return &server.Server{
		AuthorizedKeys: map[string]string{"ana": "restrict,port-forwarding ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"},
		Forwarding: forward.Rules{
			Open: forward.Allow("git.internal:22", "10.0.0.5:*"),
			Forbid: func(to netip.AddrPort) error { // asked about what a name stands for
				if to.Addr().IsLoopback() {
					return errors.New("not to the bastion itself")
				}
				return nil
			},
		},
	}
}

func systemUsers(r *reactor.Reactor) *server.Server {
	return &server.Server{
		Checkers: []cred.Checker{
			cred.NewSSHPublicKeyChecker(cred.NewUNIXAuthorizedKeysFiles(r)), // ~/.ssh/authorized_keys
			cred.NewUNIXPasswordDatabase(r),                                 // /etc/shadow, as root
		},
		Handle: hello,
	}
}

// tokens is a checker that asks a slow service.
type tokens struct {
	r       *reactor.Reactor
	isValid func(user, token string) (bool, error)
}

func (t tokens) Kinds() []cred.Kind { return []cred.Kind{cred.KindPassword} }

func (t tokens) RequestAvatarID(c cred.Credentials) deferred.Deferred[string] {
	p := c.(*cred.UsernamePassword) // the type of KindPassword
	return reactor.DeferToThread(t.r, func() (string, error) {
		valid, err := t.isValid(p.Username, p.Password)
		if err == nil && !valid {
			err = cred.ErrUnauthorized
		}
		return p.Username, err
	})
}

func twoSteps(authorizedKeys string) *server.Server {
	s := &server.Server{
		AuthorizedKeys: map[string]string{"ana": authorizedKeys},
		Passwords:      map[string]string{"ana": "secret"},
		Handle:         hello,
	}
	s.AuthenticationMethods = [][]string{{"publickey", "password"}} // the key, and then the password
	return s
}

// notice shows a text before the login.
type notice struct{ server.SSHUserAuthServer }

func (n *notice) Banner() deferred.Deferred[string] {
	return deferred.Succeed("Authorized use only.\n")
}

func withBanner(s *server.Server) {
	s.NewAuth = func() server.UserAuthServer { return new(notice) }
}

func limits(s *server.Server) {
	s.LoginGraceTime = 30 * time.Second
	s.MaxAuthTries = 3
	s.MaxStartups = server.LimitStartups(50)
	s.ClientAliveInterval = -1 // never ask
	s.Penalties.Off = true     // behind a proxy all clients have one address
}

func ownLog() *reactor.Reactor {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return reactor.New(reactor.Options{Logger: log})
}

var _ = readme // only compiles: it needs a terminal

func stopInOrder(r *reactor.Reactor, s *server.Server) {
	r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
		return s.Shutdown(10 * time.Second)
	})
}

// readme has the code of README.md.
func readme(ctx context.Context, r *reactor.Reactor) error {
	s := &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.OpenDir("/srv/files", store.DirOptions{}) // clients cannot leave it
		},
	}
	port, err := s.Listen(r, "127.0.0.1:2022") // r is a *reactor.Reactor
	if err != nil {
		return err
	}
	_ = port
	files, err := sftp.Dial(ctx, "ana@127.0.0.1:2022", sftp.OpenOptions{}) // asks for the password, as sftp does
	if err == nil {
		err = files.WriteFile(ctx, "greeting", []byte("hello"), 0o644)
	}
	return err
}

// TestHowto runs the servers of docs/server.md.
func TestHowto(t *testing.T) {
	key := newKey(t)
	run := func(s *server.Server, auth ...gossh.AuthMethod) *gossh.Client {
		t.Helper()
		b := serveShort(t, s)
		c, err := b.dialAs("ana", auth...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	secret := gossh.Password("secret")
	if out, err := session(t, run(commands(), secret)).Output("x"); string(out) != "ana runs x with the key \n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := session(t, run(programs(), secret)).Output("pwd"); string(out) != "/\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	for _, s := range []*server.Server{lines(), {Passwords: map[string]string{"ana": "secret"}, Session: func(*server.Login) server.Session { return new(upperSession) }}} {
		shell := session(t, run(s, secret))
		var out strings.Builder
		shell.Stdin, shell.Stdout = strings.NewReader("abc\n"), &out
		if err := shell.Shell(); err != nil {
			t.Fatal(err)
		}
		if err := shell.Wait(); out.String() != "ABC\n" || err != nil {
			t.Errorf("%q, %v", &out, err)
		}
	}
	both := twoSteps(string(gossh.MarshalAuthorizedKey(key.PublicKey())))
	withBanner(both)
	limits(both)
	run(both, gossh.PublicKeys(key), secret)
}

func session(t *testing.T, c *gossh.Client) *gossh.Session {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHowto_Files runs the servers with files.
func TestHowto_Files(t *testing.T) {
	checked.Store(t, true)
	reactortest.CheckGoroutines(t) // after both servers have ended
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ana"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := &short{t: t, log: reactortest.NewLog(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	port, err := onLoop(b, func() (reactor.ListeningPort, error) { return serveFilesLong(b.r, dir, filepath.Join(dir, "keys"), 0) })
	if err != nil {
		t.Fatal(err)
	}
	b.addr = port.GetHost().String()
	if err := b.sftp(b.dial()).Mkdir("new"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ana", "new")); err != nil {
		t.Error(err)
	}
	fs := serveShort(t, fileSystem())
	if _, err := fs.sftp(fs.dial()).ReadDir("/"); err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestHowto_Logins runs the checkers.
func TestHowto_Logins(t *testing.T) {
	checked.Store(t, true)
	reactortest.CheckGoroutines(t) // after both servers have ended
	b := &short{t: t, log: reactortest.NewLog(t)}
	b.r = reactortest.Start(t, reactor.Options{Logger: b.log.Logger()})
	b.s = systemUsers(b.r)
	b.s.PrivateKeys = []gossh.Signer{newKey(t)}
	b.s.Checkers = append(b.s.Checkers, tokens{b.r, func(user, token string) (bool, error) { return user == "ana" && token == "secret", nil }})
	b.addr = b.listen()
	b.dial()
	if _, err := b.dialAs("ana", gossh.Password("wrong")); err == nil {
		t.Error("a wrong token was accepted")
	}
	stopInOrder(b.r, b.s)
	s := bastion()
	if _, err := serveShort(t, s).dialAs("ana", gossh.PublicKeys(newKey(t))); err == nil {
		t.Error("another key was accepted")
	}
	if err := s.Forwarding.Forbid(netip.MustParseAddrPort("127.0.0.1:22")); err == nil {
		t.Error("the bastion itself is allowed")
	}
	if _, err := serveFiles(ownLog(), "no address"); err == nil {
		t.Error("listens")
	}
}

// TestHowto_Fail2ban: the filter of the document finds the address of a failed
// attempt, whatever the client calls itself.
func TestHowto_Fail2ban(t *testing.T) {
	text, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "failregex = ")
	pattern, _, _ := strings.Cut(rest, "\n")
	filter := regexp.MustCompile(strings.ReplaceAll(pattern, "<HOST>", `(\S+)`))
	const fake = "INFO Failed password for root from 6.6.6.6 port 1 ssh2"
	b := serveShort(t, &server.Server{Handle: hello})
	users := []string{"ana", "eve", "a b", `x" from 6.6.6.6 port 1 ssh2`, `x\" from 6.6.6.6 port 1 ssh2`, "x\n" + fake, "invalid user x from 6.6.6.6 port 1 ssh2", ""}
	for _, user := range users {
		_, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
			User: user, Auth: []gossh.AuthMethod{gossh.Password("wrong")}, ClientVersion: "SSH-2.0-x " + fake, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
		})
		if err == nil {
			t.Errorf("%q may log in", user)
		}
	}
	// The end of the last connection is logged after all attempts.
	if _, err := sshtest.Await(t, b.r, func() deferred.Deferred[struct{}] { return b.s.Shutdown(time.Hour) }); err != nil {
		t.Error(err)
	}
	found := 0
	for _, record := range b.log.Records() {
		if m := filter.FindStringSubmatch(record); m != nil {
			if found++; m[1] != "127.0.0.1" {
				t.Errorf("%s in %s", m[1], record)
			}
		}
	}
	if found != len(users) {
		t.Errorf("found %d times, want %d", found, len(users))
	}
}

// TestHowtoShowsCodeThatRuns: every Go block of the document is part of this
// file, or of an example.
func TestHowtoShowsCodeThatRuns(t *testing.T) {
	text, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, file := range []string{"howto_test.go", "../../examples/ssh-cores/main.go"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source += string(content)
	}
	blocks := strings.Split(string(text), "```go\n")[1:]
	if len(blocks) < 10 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks = append(blocks, strings.Split(string(readme), "```go\n")[1:]...)
	lines := strings.NewReplacer("\t", "")
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(code, "package main") && !strings.Contains(lines.Replace(source), lines.Replace(code)) {
			t.Errorf("docs/server.md or README.md shows code that does not compile:\n%s", code)
		}
	}
}
