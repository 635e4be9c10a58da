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
	"slices"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// RequirePeers is the name of an environment variable. If its value is not
// empty, a test fails, instead of being skipped, when a program that it needs
// is not installed. Set it on machines that must run all tests.
const RequirePeers = "HAWSER_REQUIRE_PEERS"

// MissingPeer skips the test, or fails it if [RequirePeers] is set. missing
// names the thing that the test needs and that is not installed.
func MissingPeer(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv(RequirePeers) != "" {
		t.Fatalf("missing: %s (and %s is set)", missing, RequirePeers)
	}
	t.Skipf("missing: %s", missing)
}

// Program returns the path of a program that the test needs, such as
// ssh-keygen, sshd or sftp-server. It searches the PATH, and then the usual
// directories of servers and their helpers. If there is no such program, it
// calls [MissingPeer].
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

var programDirs = []string{
	"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh",
}

// OpenSSH is a real sshd for one test. A new sshd process serves each
// connection. The fields must not be changed.
type OpenSSH struct {
	Addr       *net.TCPAddr // the address on which the server listens
	User       string       // the user of the test; only this user can log in
	HostKey    gossh.Signer // the private host key
	ClientKey  string       // the file of a private key with which User can log in
	KnownHosts string       // a known-hosts file with the host key
	Home       string       // a temporary directory, in which SFTP sessions begin

	sshd, config, log string // the program, and files in Home
	listener          *net.TCPListener
	ctx               context.Context // done when the test ends
	work              sync.WaitGroup  // all goroutines; they end when ctx is done
}

// NewOpenSSH starts an sshd on a free port of the loopback interface, which is
// stopped when the test ends. The lines of extra come first in the
// configuration. sshd uses the first value of each keyword, so they override
// the rest. If the test fails, the log of sshd is added to the log of the test.
//
// If sshd is not installed, or on Windows, NewOpenSSH calls [MissingPeer].
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
			text, err := os.ReadFile(s.log)
			t.Logf("log of sshd:\n%s%v", text, err)
		}
	})
	return s
}

// HostPort returns the host and the port of Addr.
func (s *OpenSSH) HostPort() (host string, port int) { return s.Addr.IP.String(), s.Addr.Port }

// start writes the files of the server and listens.
func (s *OpenSSH) start(extra []string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	s.User = me.Username
	if me.Uid == "0" { // as root, sshd needs its directory for privilege separation
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

// configure writes the keys and the configuration.
func (s *OpenSSH) configure(extra []string) error {
	hostKey := filepath.Join(s.Home, "host_key")
	s.ClientKey, s.KnownHosts = filepath.Join(s.Home, "id"), filepath.Join(s.Home, "known_hosts")
	s.config, s.log = filepath.Join(s.Home, "sshd_config"), filepath.Join(s.Home, "sshd.log")
	var err error
	if s.HostKey, err = NewKeyFile(hostKey); err != nil {
		return err
	}
	client, err := NewKeyFile(s.ClientKey)
	if err != nil {
		return err
	}
	lines := slices.Concat(extra, []string{
		"HostKey " + hostKey,
		"AuthorizedKeysFile " + s.ClientKey + ".pub",
		"StrictModes no",
		"UsePAM no",
		"PermitRootLogin yes",
		"KbdInteractiveAuthentication no",
		"PidFile none",
		"LogLevel DEBUG1",
		"SetEnv SHLVL=1", // otherwise bash reads ~/.bashrc, which may take any time
		"Subsystem sftp internal-sftp -d " + s.Home,
	})
	return errors.Join(
		os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600),
		os.WriteFile(s.ClientKey+".pub", gossh.MarshalAuthorizedKey(client.PublicKey()), 0o600),
		os.WriteFile(s.KnownHosts, []byte(KnownHostsLine(s.Addr, s.HostKey.PublicKey())), 0o600))
}

// KnownHostsLine returns the line of a known-hosts file for a server with the
// address and host key, with a newline at its end.
func KnownHostsLine(addr *net.TCPAddr, key gossh.PublicKey) string {
	return fmt.Sprintf("[%s]:%d %s", addr.IP, addr.Port, gossh.MarshalAuthorizedKey(key))
}

// NewKeyFile generates an Ed25519 key, writes the private key to the file in
// the format of OpenSSH, without a passphrase, and returns it.
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

// serve runs an sshd on the connection. It returns when the connection or the
// test ends.
func (s *OpenSSH) serve(c *net.TCPConn) {
	socket, err := c.File()
	c.Close()
	if err != nil {
		return // the client sees the end of the connection
	}
	defer socket.Close()
	cmd := exec.CommandContext(s.ctx, s.sshd, "-i", "-E", s.log, "-f", s.config)
	cmd.Stdin, cmd.Stdout = socket, socket
	_ = cmd.Run() // the log has the reason
}
