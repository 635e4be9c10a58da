package sshtest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// KeyPair writes a new private key to the file, and the public key to the file
// with ".pub" at the end of its name. It returns the public key.
func KeyPair(t *testing.T, file string) gossh.PublicKey {
	t.Helper()
	key, err := conchtest.NewKeyFile(file)
	if err == nil {
		err = os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(key.PublicKey()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey()
}

// Credentials writes keys to a temporary directory: host, id and ca, each with
// its .pub file, and authorized, a file of authorized keys. It returns a target
// that logs in with id. The target has no port.
func Credentials(t *testing.T) (dir string, to Target) {
	t.Helper()
	dir = t.TempDir()
	KeyPair(t, filepath.Join(dir, "host"))
	id, authority := KeyPair(t, filepath.Join(dir, "id")), KeyPair(t, filepath.Join(dir, "ca"))
	authorized := fmt.Sprintf("%scert-authority %s", gossh.MarshalAuthorizedKey(id), gossh.MarshalAuthorizedKey(authority))
	if err := os.WriteFile(filepath.Join(dir, "authorized"), []byte(authorized), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, Target{User: "guest", Host: "127.0.0.1", Options: client.Options{
		Identities: []string{filepath.Join(dir, "id")}, NoAgent: true, KnownHosts: []string{filepath.Join(dir, "known")},
		HostKeys: client.AcceptNewHosts, UI: NoUI{t}, Timeout: Patience,
	}}
}

// anyPort is the end of a line of a server's output that has the server's port.
var anyPort = regexp.MustCompile(`(\d+)\s*$`)

// Stranger starts a server of another project, which ends with the test. The
// first line of its output that contains text ends with its port. Stranger
// returns the port.
func Stranger(t *testing.T, cmd *osexec.Cmd, text string) int {
	t.Helper()
	out := bufio.NewReader(ServerProcess(t, cmd))
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: no port: %v", cmd, err)
		}
		if m := anyPort.FindStringSubmatch(line); m != nil && strings.Contains(line, text) {
			port, _ := strconv.Atoi(m[1]) // these are digits
			return port
		}
	}
}

// PythonServer starts a server whose source is the file script. It needs a
// Python package. SFTP sessions begin in dir.
func PythonServer(t *testing.T, script, needs string) (to Target, dir string) {
	t.Helper()
	const python = "/usr/bin/python3"
	if osexec.Command(python, "-W", "ignore", "-c", "import "+needs).Run() != nil {
		conchtest.MissingPeer(t, python+" with the package "+needs)
	}
	dir, to = Credentials(t)
	keyFile := "id.pub"
	if needs == "asyncssh" {
		keyFile = "authorized"
	}
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(python, "-W", "ignore", script, filepath.Join(dir, "host"), filepath.Join(dir, keyFile))
	cmd.Dir = dir
	to.Port = Stranger(t, cmd, "")
	return to, dir
}

// Dropbear starts a Dropbear in a mount namespace in which the user's home
// directory is a temporary one, because Dropbear reads keys from nowhere else.
// SFTP sessions begin in home.
func Dropbear(t *testing.T) (to Target, home string) {
	t.Helper()
	dropbear, dropbearKey, unshare := conchtest.Program(t, "dropbear"), conchtest.Program(t, "dropbearkey"), conchtest.Program(t, "unshare")
	if err := osexec.Command(unshare, "--mount", "true").Run(); err != nil {
		conchtest.MissingPeer(t, fmt.Sprintf("the right to make a mount namespace for Dropbear (%v)", err))
	}
	dir, to := Credentials(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	to.User = me.Username
	to.Options.HostKeyAlgorithms = []string{gossh.KeyAlgoED25519} // Dropbear 2022.83 aborts if RSA comes first and it has none
	home = filepath.Join(dir, "home")
	hostKey := filepath.Join(dir, "dropbear_key")
	to.Port = FreePort(t)
	err = errors.Join(os.MkdirAll(filepath.Join(home, ".ssh"), 0o700),
		os.Rename(filepath.Join(dir, "id.pub"), filepath.Join(home, ".ssh", "authorized_keys")),
		osexec.Command(dropbearKey, "-t", "ed25519", "-f", hostKey).Run())
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(unshare, "--mount", "sh", "-c", `mount --bind "$1" "$2" && exec "$6" -F -E -p "$3" -r "$4" -P "$5" 2>&1`,
		"sh", home, me.HomeDir, fmt.Sprint("127.0.0.1:", to.Port), hostKey, filepath.Join(dir, "pid"), dropbear)
	log := bufio.NewReader(ServerProcess(t, cmd))
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // before ServerProcess waits for it
	if line, err := log.ReadString('\n'); err != nil || !strings.Contains(line, "Not backgrounding") {
		t.Fatalf("%q, %v", line, err)
	}
	return to, home
}

// FreePort returns a port of the loopback interface that nobody listens on.
func FreePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
