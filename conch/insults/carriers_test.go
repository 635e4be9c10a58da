package insults_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// mirror shows what it gets. The key q ends it.
type mirror struct {
	insults.TerminalProtocol
	lost func(error)
}

func (m *mirror) ConnectionMade() { fmt.Fprint(m.Terminal(), "ready\n") }

func (m *mirror) TerminalSize(w, h int) { fmt.Fprintf(m.Terminal(), "size %d %d\n", w, h) }

func (m *mirror) KeystrokeReceived(k insults.Key, mod insults.Modifier) {
	fmt.Fprintf(m.Terminal(), "key %s\n", insults.Stroke{Key: k, Modifier: mod})
	if k == 'q' {
		m.Terminal().LoseConnection()
	}
}

func (m *mirror) ConnectionLost(reason error) { m.lost(reason) }

// sshTerminal starts a server with a mirror, and returns a session of a client.
func sshTerminal(t *testing.T) (*gossh.Session, chan error) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	host, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 2)
	realm := terminalRealm(func() insults.Protocol { return &mirror{lost: func(err error) { lost <- err }} })
	factory := &server.SSHFactory{PrivateKeys: []gossh.Signer{host}, Portal: cred.NewPortal(realm, cred.InMemory(map[string]string{"alice": "sesame"}))}
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := gossh.Dial("tcp", port.GetHost().String(), &gossh.ClientConfig{User: "alice", Auth: []gossh.AuthMethod{gossh.Password("sesame")},
		HostKeyCallback: func(string, net.Addr, gossh.PublicKey) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return session, lost
}

// readUntil reads until the output ends with want.
func readUntil(t *testing.T, r io.Reader, want string) string {
	t.Helper()
	var got bytes.Buffer
	for !strings.HasSuffix(got.String(), want) {
		if _, err := io.CopyN(&got, r, 1); err != nil {
			t.Fatalf("%q, then %v", got.String(), err)
		}
	}
	return got.String()
}

// T-INSULTS-3, 6: a terminal over SSH.
func TestOverSSH(t *testing.T) {
	session, lost := sshTerminal(t)
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(session.RequestPty("xterm", 30, 100, nil), session.Shell()); err != nil {
		t.Fatal(err)
	}
	readUntil(t, out, "ready\r\nsize 100 30\r\n")
	if err := session.WindowChange(0, 0); err != nil { // unknown
		t.Fatal(err)
	}
	readUntil(t, out, "size 100 30\r\n")
	if err := session.WindowChange(20, 60); err != nil {
		t.Fatal(err)
	}
	readUntil(t, out, "size 60 20\r\n")
	if _, err := io.WriteString(in, "\x1b[Aéq"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, out, "key [UP_ARROW]\r\nkey é\r\nkey q\r\n\x1bc")
	if err := session.Wait(); err != nil {
		t.Errorf("the exit status: %v", err)
	}
	if err := <-lost; !errors.Is(err, reactor.ErrConnectionDone) && !errors.Is(err, reactor.ErrConnectionLost) {
		t.Error(err)
	}
	select {
	case err := <-lost:
		t.Error("lost twice:", err)
	default:
	}
}

// The end of the client's input ends the terminal.
func TestOverSSHEndOfInput(t *testing.T) {
	session, lost := sshTerminal(t)
	session.Stdin = strings.NewReader("a")
	var out bytes.Buffer
	session.Stdout = &out
	if err := errors.Join(session.RequestPty("xterm", 24, 80, nil), session.Shell(), session.Wait()); err != nil {
		t.Error(err)
	}
	if got := out.String(); got != "ready\r\nsize 80 24\r\nkey a\r\n" {
		t.Errorf("%q", got)
	}
	<-lost
}
