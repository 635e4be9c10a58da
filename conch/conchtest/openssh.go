package conchtest

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// RequirePeers is the environment variable that makes a missing peer a failure instead of a skip, for machines that are to have them all.
const RequirePeers = "HAWSER_REQUIRE_PEERS"

// MissingPeer skips the test because something that it needs is not installed, or fails it if RequirePeers is set.
func MissingPeer(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(RequirePeers) != "" {
		t.Fatalf("missing: %s (and %s is set)", what, RequirePeers)
	}
	t.Skipf("missing: %s", what)
}

// Program returns the path of a program that the test needs, such as ssh-keygen, sshd or sftp-server: in the PATH, or where servers and their parts are
// installed. Without it the test is skipped, see MissingPeer.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range append([]string{""}, programDirs...) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	MissingPeer(t, fmt.Sprintf("the program %s, in the PATH or in %s", name, strings.Join(programDirs, ", ")))
	return ""
}

var programDirs = []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh"}

// OpenSSH is a real sshd for one test: each connection to Addr is served by a process of its own.
type OpenSSH struct {
	Addr       *net.TCPAddr
	User       string       // the user who runs the test, and who may log in
	HostKey    gossh.Signer // its private key
	ClientKey  string       // file of a private key that may log in
	KnownHosts string       // known-hosts file that has the host key
	Home       string       // a temporary directory, in which sftp sessions begin

	sshd, config string
	listener     *net.TCPListener
	ctx          context.Context
	work         sync.WaitGroup // ends with Close

	log string // file
}

// NewOpenSSH starts an sshd on the loopback interface that ends with the test. Extra lines go to the front of its configuration. Its log is
// shown when the test fails. Without an sshd on the machine the test is skipped, see MissingPeer.
func NewOpenSSH(t testing.TB, extra ...string) *OpenSSH {
	t.Helper()
	if runtime.GOOS == "windows" {
		MissingPeer(t, "a system on which sshd speaks SSH on its standard input")
	}
	s := &OpenSSH{Home: t.TempDir(), sshd: Program(t, "sshd")}
	if err := s.start(extra); err != nil {
		t.Fatalf("conchtest: sshd: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	s.work.Go(s.accept)
	t.Cleanup(func() {
		cancel()
		s.listener.Close()
		s.work.Wait()
		if t.Failed() {
			t.Logf("log of sshd:\n%s", s.Log())
		}
	})
	return s
}

// Log returns what sshd has logged so far.
func (s *OpenSSH) Log() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// HostPort returns where it listens.
func (s *OpenSSH) HostPort() (host string, port int) { return s.Addr.IP.String(), s.Addr.Port }

func (s *OpenSSH) start(extra []string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	s.User = me.Username
	if me.Uid == "0" { // sshd wants its directory for privilege separation
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	if s.listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		return err
	}
	s.Addr = s.listener.Addr().(*net.TCPAddr)
	return s.configure(extra)
}

func (s *OpenSSH) configure(extra []string) error {
	hostKey := filepath.Join(s.Home, "host_key")
	s.ClientKey, s.KnownHosts, s.config = filepath.Join(s.Home, "id"), filepath.Join(s.Home, "known_hosts"), filepath.Join(s.Home, "sshd_config")
	s.log = filepath.Join(s.Home, "sshd.log")
	var err error
	if s.HostKey, err = NewKeyFile(hostKey); err != nil {
		return err
	}
	client, err := NewKeyFile(s.ClientKey)
	if err != nil {
		return err
	}
	lines := append(extra,
		"HostKey "+hostKey,
		"AuthorizedKeysFile "+s.ClientKey+".pub",
		"StrictModes no",
		"UsePAM no",
		"PermitRootLogin yes",
		"KbdInteractiveAuthentication no",
		"PidFile none",
		"LogLevel DEBUG1",
		"Subsystem sftp internal-sftp -d "+s.Home,
	)
	return errors.Join(
		os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600),
		os.WriteFile(s.ClientKey+".pub", gossh.MarshalAuthorizedKey(client.PublicKey()), 0o600),
		os.WriteFile(s.KnownHosts, []byte(s.KnownHostsLine()), 0o600))
}

// KnownHostsLine returns the line of a known-hosts file for the host key.
func (s *OpenSSH) KnownHostsLine() string { return KnownHostsLine(s.Addr, s.HostKey.PublicKey()) }

// KnownHostsLine returns the line of a known-hosts file for a server's key.
func KnownHostsLine(addr *net.TCPAddr, key gossh.PublicKey) string {
	return fmt.Sprintf("[%s]:%d %s", addr.IP, addr.Port, gossh.MarshalAuthorizedKey(key))
}

// NewKeyFile writes a fresh Ed25519 private key to a file and returns it.
func NewKeyFile(file string) (gossh.Signer, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(private)
}

func (s *OpenSSH) accept() {
	for {
		c, err := s.listener.AcceptTCP()
		if err != nil {
			return
		}
		s.work.Go(func() { s.serve(c) })
	}
}

// serve runs an sshd on the connection. It ends with the connection, or with the test.
func (s *OpenSSH) serve(c *net.TCPConn) {
	socket, err := c.File()
	c.Close()
	if err != nil {
		return // the client sees the end
	}
	defer socket.Close()
	cmd := exec.CommandContext(s.ctx, s.sshd, "-i", "-E", s.log, "-f", s.config)
	cmd.Stdin, cmd.Stdout = socket, socket
	_ = cmd.Run() // what is wrong stands in the log
}
