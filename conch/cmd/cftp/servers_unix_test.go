//go:build unix

package main

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// password is that of the user "ana" of the own server.
const password = "open sesame"

// host is a server with files, behind a link that a test can cut.
type host struct {
	user       string
	files      string // the directory in which sessions begin
	start      string // the path of files at the server
	key        string // a key file with which user can log in
	knownHosts string // a file with the host key
	link       *link
}

// bothHosts runs f with OpenSSH's sshd and with a server.Server.
func bothHosts(t *testing.T, f func(t *testing.T, h *host)) {
	t.Run("OpenSSH", func(t *testing.T) { f(t, openSSHHost(t)) })
	t.Run("hawser", func(t *testing.T) { f(t, ownHost(t)) })
}

func openSSHHost(t *testing.T) *host {
	t.Helper()
	s := conchtest.NewOpenSSH(t)
	h := &host{user: s.User, files: filepath.Join(s.Home, "files"), start: "files", key: s.ClientKey}
	if err := os.Mkdir(h.files, 0o755); err != nil {
		t.Fatal(err)
	}
	h.connect(t, s.Addr.String(), s.HostKey.PublicKey())
	return h
}

func ownHost(t *testing.T) *host {
	t.Helper()
	h := &host{user: "ana", files: t.TempDir(), key: filepath.Join(t.TempDir(), "key")}
	key, err := conchtest.NewKeyFile(h.key)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &server.Server{
		Passwords:      map[string]string{"ana": password},
		AuthorizedKeys: map[string]string{"ana": string(gossh.MarshalAuthorizedKey(key.PublicKey()))},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.OpenDir(h.files, store.DirOptions{})
		},
	}
	s.PrivateKeys = []gossh.Signer{hostKey}
	r := reactortest.Start(t, reactor.Options{Logger: new(reactortest.Log).Logger()})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return s.Listen(r, "127.0.0.1:0") })
	})
	if err != nil {
		t.Fatal(err)
	}
	h.connect(t, port.GetHost().String(), hostKey.PublicKey())
	return h
}

// connect puts a link before the server.
func (h *host) connect(t *testing.T, server string, key gossh.PublicKey) {
	t.Helper()
	h.link = newLink(t, server)
	h.knownHosts = filepath.Join(t.TempDir(), "known")
	line := conchtest.KnownHostsLine(h.link.addr(), key)
	if err := os.WriteFile(h.knownHosts, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
}

// args are the arguments for a session in the directory files.
func (h *host) args() []string {
	args := []string{"-P", strconv.Itoa(h.link.addr().Port)}
	if h.key != "" {
		args = append(args, "-i", h.key)
	}
	if h.knownHosts != "" {
		args = append(args, "-o", "UserKnownHostsFile="+h.knownHosts)
	}
	return append(args, fmt.Sprintf("%s@%s:%s", h.user, h.link.addr().IP, h.start))
}

// link passes connections on to a server.
type link struct {
	listener net.Listener
	server   string
	work     sync.WaitGroup

	mu     sync.Mutex // is held by freeze; guards the rest
	conns  []net.Conn
	budget int // bytes from the server that may pass; negative means any number
	closed bool
	more   *sync.Cond
}

func newLink(t *testing.T, server string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, server: server, budget: -1}
	l.more = sync.NewCond(&l.mu)
	l.work.Go(l.accept)
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		l.work.Wait()
	})
	return l
}

func (l *link) addr() *net.TCPAddr { return l.listener.Addr().(*net.TCPAddr) }

func (l *link) accept() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", l.server)
		if err != nil {
			from.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, from, to)
		l.mu.Unlock()
		pass := func(w, r net.Conn, read func(p []byte) (int, error)) {
			l.work.Go(func() { // ends with cut, or when the peers end
				_, _ = io.Copy(w, readerFunc(read)) // an error ends the connection
				w.Close()
				r.Close()
			})
		}
		pass(to, from, from.Read)
		pass(from, to, func(p []byte) (int, error) { return l.read(to, p) })
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// read reads from the server, as far as the budget allows.
func (l *link) read(c net.Conn, p []byte) (int, error) {
	l.mu.Lock()
	for l.budget == 0 && !l.closed {
		l.more.Wait()
	}
	if l.budget > 0 {
		p = p[:min(len(p), l.budget)]
	}
	l.mu.Unlock()
	n, err := c.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budget > 0 {
		l.budget = max(l.budget-n, 0)
	}
	return n, err
}

// allow lets that many further bytes of the server pass; -1 means all.
func (l *link) allow(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budget = bytes
	l.more.Broadcast()
}

// cut ends all connections.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.more.Broadcast()
	for _, c := range l.conns {
		c.Close()
	}
}
