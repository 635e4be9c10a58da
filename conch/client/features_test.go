package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// feature is a feature that some servers have. try logs in and returns an error
// if the server lacks the feature.
type feature struct {
	name string
	try  func(t *testing.T, r *reactor.Reactor, to sshtest.Target) error
}

var features = []feature{
	{"signal", trySignal},
	{"terminal", tryTerminal},
	{"environment", tryEnvironment},
	{"keyboard-interactive", tryInteractive},
	{"certificate", tryCertificate},
	{"agent", tryAgent},
	{"SOCKS5", trySOCKS},
	{"jump host", tryJump},
}

// loggedIn runs f with a new connection.
func loggedIn[T any](t *testing.T, r *reactor.Reactor, to sshtest.Target, f func(conn *sshtest.PlainConnection) deferred.Deferred[T]) (T, error) {
	t.Helper()
	conn := &sshtest.PlainConnection{}
	defer sshtest.OnLoop(t, r, conn.LoseConnection)
	return sshtest.Await(t, r, func() deferred.Deferred[T] {
		return deferred.ThenDeferred(to.Connect(r, conn), func(struct{}) deferred.Deferred[T] { return f(conn) })
	})
}

// talk is a session that collects its output.
type talk struct {
	client.ClientSession
	text    strings.Builder
	onText  func(text string)
	started func()
}

func (s *talk) SessionStarted() {
	if s.started != nil {
		s.started()
	}
}

func (s *talk) DataReceived(p []byte) {
	s.text.Write(p)
	if s.onText != nil {
		s.onText(s.text.String())
	}
}

func (s *talk) run(conn *sshtest.PlainConnection) deferred.Deferred[string] {
	conn.OpenChannel(s)
	return deferred.Then(s.Finished(), func(struct{}) (string, error) { return s.text.String(), nil })
}

// trySignal ends a running program by a signal. It waits until the program
// runs, because Dropbear drops an earlier signal.
func trySignal(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	s := &talk{ClientSession: client.ClientSession{Command: client.Command{Line: "echo ready; exec cat"}}}
	var refused error
	_, err := loggedIn(t, r, to, func(conn *sshtest.PlainConnection) deferred.Deferred[string] {
		s.onText = func(string) {
			conn.SendRequest(s, "signal", conch.NS("TERM"), true).AddErrback(func(err error) ([]byte, error) {
				refused = err
				s.LoseConnection()
				return nil, nil
			})
		}
		return s.run(conn)
	})
	if exit, ok := errors.AsType[*client.ExitError](err); ok && exit.Signal.Name == "TERM" {
		return nil
	}
	return errors.Join(err, refused)
}

// tryTerminal prints the size of a terminal, changes it, and prints it again.
func tryTerminal(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	s := &talk{ClientSession: client.ClientSession{Command: client.Command{
		Line: "stty size; read line; stty size", Terminal: &client.Terminal{Term: "vt100", Size: conch.WindowSize{Rows: 24, Columns: 80}},
	}}}
	changed := false
	s.onText = func(text string) {
		if !changed && strings.Contains(text, "24 80") {
			changed = true
			s.WindowChange(conch.WindowSize{Rows: 30, Columns: 100}).AddCallback(func([]byte) ([]byte, error) { // called when the change was sent
				s.Write([]byte("\n"))
				return nil, nil
			})
		}
	}
	text, err := loggedIn(t, r, to, s.run)
	if got := strings.Fields(text); err == nil && !slices.Equal(got, []string{"24", "80", "30", "100"}) {
		err = fmt.Errorf("sizes %q", got)
	}
	return err
}

// tryEnvironment sets a variable.
func tryEnvironment(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	s := &talk{ClientSession: client.ClientSession{Command: client.Command{Line: "echo =$LC_TEST", Env: [][2]string{{"LC_TEST", "value"}}}}}
	text, err := loggedIn(t, r, to, func(conn *sshtest.PlainConnection) deferred.Deferred[string] {
		s.started = func() { conn.SendEOF(s) }
		return s.run(conn)
	})
	if err == nil && text != "=value\n" {
		err = fmt.Errorf("output %q", text)
	}
	return err
}

// tryInteractive answers the server's questions.
func tryInteractive(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	ui := &sshtest.ScriptedUI{Line: sshtest.Answering("sesame")}
	to = to.WithoutKeys(t, ui)
	conn := &sshtest.PlainConnection{}
	a := &hookedAuth{DefaultAuthClient: *client.NewDefaultAuthClient(to.User, conn)}
	a.password = func() deferred.Deferred[string] { return deferred.Fail[string](client.ErrUnavailable) }
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, a)
	})
	sshtest.OnLoop(t, r, conn.LoseConnection)
	return err
}

// tryCertificate logs in with a key that is unknown to the server, and a
// certificate. The certificate is signed by the authority beside the target's
// key.
func tryCertificate(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(to.Options.Identities[0]), "ca"))
	if err != nil {
		return err
	}
	authority, err := gossh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	file := filepath.Join(t.TempDir(), "id")
	if _, err := conchtest.NewKeyFile(file); err != nil {
		return err
	}
	writeCertificate(t, file, authority, to.User, gossh.UserCert)
	to.Options.Identities, to.Options.UI = []string{file}, &sshtest.ScriptedUI{Line: sshtest.Answering("not this one")}
	_, err = loggedIn(t, r, to, func(*sshtest.PlainConnection) deferred.Deferred[bool] { return deferred.Succeed(true) })
	return err
}

// tryAgent runs a program on the server that lists the keys of the local agent.
func tryAgent(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	file, key := sshtest.AgentKey(t)
	to.Options.ForwardAgent, to.Options.AgentSocket = true, sshtest.Agents["x/crypto"](t, r, file)
	out, err := loggedIn(t, r, to, func(conn *sshtest.PlainConnection) deferred.Deferred[client.Output] {
		return client.Exec(conn, "ssh-add -L", nil)
	})
	if err == nil && !strings.Contains(string(out.Stdout), strings.Fields(string(gossh.MarshalAuthorizedKey(key.PublicKey())))[1]) {
		err = fmt.Errorf("the server sees %q", out.Stdout)
	}
	return err
}

// trySOCKS requests a page from an HTTP server through the proxy.
func trySOCKS(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }))
	defer web.Close()
	conn := sshtest.Connect(t, r, to)
	defer sshtest.OnLoop(t, r, conn.LoseConnection)
	f, err := sshtest.Await(t, r, func() deferred.Deferred[*forward.Forwarder] { return forward.Dynamic(conn, "tcp", "127.0.0.1:0") })
	if err != nil {
		return err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "socks5", Host: f.Addr().String()})}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), sshtest.Patience)
	defer cancel()
	_, port, _ := net.SplitHostPort(web.Listener.Addr().String())
	request, err := http.NewRequestWithContext(ctx, "GET", "http://localhost:"+port, nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && string(text) != "page" {
		err = fmt.Errorf("got %q", text)
	}
	return err
}

// tryJump connects through the server to another server.
func tryJump(t *testing.T, r *reactor.Reactor, to sshtest.Target) error {
	_, last := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	last.Options.Jump = &client.Target{User: to.User, Host: to.Host, Port: to.Port, Options: to.Options}
	out, err := loggedIn(t, r, last, func(conn *sshtest.PlainConnection) deferred.Deferred[client.Output] {
		return client.Exec(conn, "cat", []byte("there"))
	})
	if err == nil && string(out.Stdout) != "there" {
		err = fmt.Errorf("got %q", out.Stdout)
	}
	return err
}
