package knownhosts

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// serveVariable makes the test binary a server for ssh on its standard input and output; its value names the key.
const serveVariable = "KNOWNHOSTS_TEST_SERVE"

func TestMain(m *testing.M) {
	if key := os.Getenv(serveVariable); key != "" {
		serve(serverSigner(key))
		return
	}
	os.Exit(m.Run())
}

// serverSigner makes the host key of a server: a plain one, or one with a certificate by edSigner(9).
func serverSigner(name string) gossh.Signer {
	var change func(*gossh.Certificate)
	names := []string{"host.test"}
	switch name {
	case "ecdsa":
		return ecSigner(1)
	case "ed25519":
		return edSigner(1)
	case "expired":
		change = func(c *gossh.Certificate) { c.ValidBefore = 1 }
	case "wildcard":
		names = []string{"*.test"}
	case "other":
		names = []string{"other.test"}
	case "certificate":
	default:
		panic(name)
	}
	s, err := gossh.NewCertSigner(hostCert(ed(1), edSigner(9), names, change), edSigner(1))
	if err != nil {
		panic(err)
	}
	return s
}

// serve answers one connection and lets everybody in, so that ssh comes to judge the host key.
func serve(key gossh.Signer) {
	config := &gossh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(key)
	_, channels, requests, err := gossh.NewServerConn(stdio{}, config)
	if err != nil {
		return
	}
	go gossh.DiscardRequests(requests) // ends with the connection
	for c := range channels {
		c.Reject(gossh.Prohibited, "only the host key counts")
	}
}

// stdio is the connection that ssh makes to its ProxyCommand.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)       { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error)      { return os.Stdout.Write(p) }
func (stdio) Close() error                     { return os.Stdout.Close() }
func (stdio) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (stdio) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (stdio) SetDeadline(time.Time) error      { return nil }
func (stdio) SetReadDeadline(time.Time) error  { return nil }
func (stdio) SetWriteDeadline(time.Time) error { return nil }

// sshVerdict is what ssh says about the key of a server.
func sshVerdict(t *testing.T, ssh, path, key string, port int) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), ssh, "-F", "none", "-v", "-T", "-p", strconv.Itoa(port),
		"-o", "ProxyCommand="+shellQuote(os.Args[0]), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+path, "-o", "GlobalKnownHostsFile=none", "-o", "UpdateHostKeys=no",
		"Host.TEST", "true")
	cmd.Env = append(os.Environ(), serveVariable+"="+key)
	out, _ := cmd.CombinedOutput() // it fails in any case: no command is run
	for _, sign := range []struct{ text, verdict string }{
		{"REVOKED HOST KEY DETECTED", "revoked"},
		{"HOST IDENTIFICATION HAS CHANGED", "changed"},
		{"Host key verification failed", "unknown"},
		{"Authenticated to host.test", "known"},
	} {
		if strings.Contains(string(out), sign.text) {
			return sign.verdict
		}
	}
	return fmt.Sprintf("ssh said\n%s", out)
}

func ourVerdict(path, key string, port int) string {
	f := FromPath(path)
	f.RefuseOtherTypes = true
	v, err := f.Check("Host.TEST", port, "", serverSigner(key).PublicKey())
	if _, ok := errors.AsType[*RevokedKeyError](err); ok {
		return "revoked"
	}
	if _, ok := errors.AsType[*HostKeyChangedError](err); ok {
		return "changed"
	}
	if _, ok := errors.AsType[*CertificateError](err); ok {
		return "unknown" // here we say why, and ssh would ask about the plain key
	}
	if err != nil {
		return err.Error()
	}
	return v.Outcome.String()
}

// The same files and servers, judged by ssh and by Check.
func TestJudgesLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	authority := marked(CertAuthority, "*.test", ed(9))
	for _, tt := range []struct {
		name, key string
		port      int
		lines     []string
		want      string
	}{
		{"empty", "ed25519", 22, nil, "unknown"},
		{"known", "ed25519", 22, []string{line("host.test", ed(1))}, "known"},
		{"letter case", "ed25519", 22, []string{line("HOST.test", ed(1))}, "known"},
		{"hashed", "ecdsa", 22, []string{line(hashOf("host.test"), ec(1))}, "known"},
		{"hashed with port", "ed25519", 2222, []string{line(hashOf("[host.test]:2222"), ed(1))}, "known"},
		{"changed", "ed25519", 22, []string{line("host.test", ed(2))}, "changed"},
		{"C-CLIENT-36 another type", "ecdsa", 22, []string{line("host.test", ed(1))}, "changed"},
		{"C-CLIENT-37 any of several", "ed25519", 22, []string{line("host.test", ed(2)), line("host.test", ec(1)), line("*.test", ed(1))}, "known"},
		{"wildcard and negation", "ed25519", 22, []string{line("*.test,!host.*", ed(1))}, "unknown"},
		{"port falls back to the name", "ed25519", 2222, []string{line("host.test", ed(1))}, "known"},
		{"port falls back, another key", "ed25519", 2222, []string{line("host.test", ed(2))}, "unknown"},
		{"port recorded, name has it", "ed25519", 2222, []string{line("host.test", ed(1)), line("[host.test]:2222", ed(2))}, "changed"},
		{"wildcard is no port", "ed25519", 2222, []string{line("host.tes?", ed(2)), line("*.test]:2222", ed(1))}, "known"},
		{"revoked", "ed25519", 22, []string{line("host.test", ed(1)), marked(Revoked, "*", ed(1))}, "revoked"},
		{"revoked elsewhere", "ed25519", 22, []string{line("host.test", ed(1)), marked(Revoked, "other", ed(1))}, "known"},
		{"bad lines", "ed25519", 22, []string{"host.test", "@what " + line("*", ed(2)), line("host.test", ed(2))[:60], line("host.test", ed(1))}, "known"},
		{"certificate", "certificate", 22, []string{authority}, "known"},
		{"certificate on a port", "certificate", 2222, []string{authority}, "known"},
		{"certificate with a wildcard", "wildcard", 22, []string{authority}, "unknown"},
		{"certificate, plain key changed", "certificate", 22, []string{line("host.test", ed(2)), authority}, "known"},
		{"certificate, no authority", "certificate", 22, []string{marked(CertAuthority, "*", ed(8))}, "unknown"},
		{"certificate, no authority, plain key known", "certificate", 22, []string{line("host.test", ed(1))}, "known"},
		{"certificate, no authority, plain key changed", "certificate", 22, []string{line("host.test", ed(2))}, "changed"},
		{"certificate of another host", "other", 22, []string{authority}, "unknown"},
		{"certificate expired", "expired", 22, []string{authority}, "unknown"},
		{"certificate expired, plain key known", "expired", 22, []string{authority, line("host.test", ed(1))}, "known"},
		{"certificate, authority revoked", "certificate", 22, []string{authority, marked(Revoked, "*", ed(9))}, "revoked"},
		{"certificate, its key revoked", "certificate", 22, []string{authority, marked(Revoked, "*", ed(1))}, "revoked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tempFile(t, tt.lines...)
			if got := ourVerdict(path, tt.key, tt.port); got != tt.want {
				t.Errorf("Check: %s, want %s", got, tt.want)
			}
			if got := sshVerdict(t, ssh, path, tt.key, tt.port); got != tt.want {
				t.Errorf("ssh: %s, want %s", got, tt.want)
			}
		})
	}
}
