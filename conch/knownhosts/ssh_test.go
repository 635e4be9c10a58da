package knownhosts

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// serveVariable makes the test binary a server for ssh on its standard input and
// output. Its value names the key.
const serveVariable = "KNOWNHOSTS_TEST_SERVE"

func TestMain(m *testing.M) {
	if key := os.Getenv(serveVariable); key != "" {
		serve(serverSigner(key))
		return
	}
	if path := os.Getenv(writerVariable); path != "" {
		if err := acceptMany(FromPath(path), os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serverSigner returns the host key of a server: a plain key, or a key with a
// certificate signed by edSigner(9).
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

// question is what ssh and Check are asked about.
type question struct {
	key         string   // see serverSigner
	host, alias string   // an empty host is Host.TEST
	port        int      // 0 is 22
	user        []string // files
	global      []string // files
}

func (q question) name() Name {
	if q.alias != "" {
		return Alias(q.alias)
	}
	return HostPort(cmp.Or(q.host, "Host.TEST"), q.port)
}

// runSSH returns the log of an ssh that connects to a server of the test.
func runSSH(t *testing.T, ssh string, q question, options ...string) string {
	t.Helper()
	args := []string{"-F", "none", "-vv", "-T", "-p", strconv.Itoa(cmp.Or(q.port, 22))}
	for _, option := range append(options, "ProxyCommand="+shellQuote(os.Args[0]), "BatchMode=yes", "StrictHostKeyChecking=yes",
		"UpdateHostKeys=no", "UserKnownHostsFile="+strings.Join(q.user, " "),
		"GlobalKnownHostsFile="+cmp.Or(strings.Join(q.global, " "), "none")) {
		args = append(args, "-o", option)
	}
	if q.alias != "" {
		args = append(args, "-o", "HostKeyAlias="+q.alias)
	}
	cmd := exec.CommandContext(t.Context(), ssh, append(args, cmp.Or(q.host, "Host.TEST"), "true")...)
	cmd.Env = append(os.Environ(), serveVariable+"="+q.key)
	out, _ := cmd.CombinedOutput() // ssh fails in any case: no command is run
	return string(out)
}

// sshVerdict returns the judgement of ssh about the key of a server.
func sshVerdict(t *testing.T, ssh string, q question, options ...string) string {
	t.Helper()
	log := runSSH(t, ssh, q, options...)
	for _, sign := range []struct{ text, verdict string }{
		{"REVOKED HOST KEY DETECTED", "revoked"},
		{"HOST IDENTIFICATION HAS CHANGED", "changed"},
		{"Host key verification failed", "unknown"},
		{"Authenticated to ", "known"},
	} {
		if strings.Contains(log, sign.text) {
			return sign.verdict
		}
	}
	return "ssh said\n" + log
}

func ourVerdict(q question) string {
	v, err := FromPath(q.user[0], append(q.user[1:], q.global...)...).Check(q.name(), "", serverSigner(q.key).PublicKey())
	_, revoked := errors.AsType[*RevokedKeyError](err)
	_, changed := errors.AsType[*HostKeyChangedError](err)
	switch {
	case revoked:
		return "revoked"
	case changed:
		return "changed"
	case err != nil && strings.Contains(err.Error(), "the certificate"):
		return "unknown" // ssh would ask about the plain key, Check says why not
	case err != nil:
		return err.Error()
	}
	return v.Outcome.String()
}

// The same files and servers, judged by ssh and by Check.
func TestJudgesLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	authority := marked(certAuthority, "*.test", ed(9))
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
		{"revoked", "ed25519", 22, []string{line("host.test", ed(1)), marked(revoked, "*", ed(1))}, "revoked"},
		{"revoked elsewhere", "ed25519", 22, []string{line("host.test", ed(1)), marked(revoked, "other", ed(1))}, "known"},
		{"bad lines", "ed25519", 22, []string{"host.test", "@what " + line("*", ed(2)), line("host.test", ed(2))[:60], line("host.test", ed(1))}, "known"},
		{"certificate", "certificate", 22, []string{authority}, "known"},
		{"certificate on a port", "certificate", 2222, []string{authority}, "known"},
		{"certificate with a wildcard", "wildcard", 22, []string{authority}, "unknown"},
		{"certificate, plain key changed", "certificate", 22, []string{line("host.test", ed(2)), authority}, "known"},
		{"certificate, no authority", "certificate", 22, []string{marked(certAuthority, "*", ed(8))}, "unknown"},
		{"certificate, no authority, plain key known", "certificate", 22, []string{line("host.test", ed(1))}, "known"},
		{"certificate, no authority, plain key changed", "certificate", 22, []string{line("host.test", ed(2))}, "changed"},
		{"certificate of another host", "other", 22, []string{authority}, "unknown"},
		{"certificate expired", "expired", 22, []string{authority}, "unknown"},
		{"certificate expired, plain key known", "expired", 22, []string{authority, line("host.test", ed(1))}, "known"},
		{"certificate, authority revoked", "certificate", 22, []string{authority, marked(revoked, "*", ed(9))}, "revoked"},
		{"certificate, its key revoked", "certificate", 22, []string{authority, marked(revoked, "*", ed(1))}, "revoked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compare(t, ssh, question{key: tt.key, port: tt.port, user: []string{tempFile(t, tt.lines...)}}, tt.want)
		})
	}
}

func compare(t *testing.T, ssh string, q question, want string) {
	t.Helper()
	if got := ourVerdict(q); got != want {
		t.Errorf("Check: %s, want %s", got, want)
	}
	if got := sshVerdict(t, ssh, q); got != want {
		t.Errorf("ssh: %s, want %s", got, want)
	}
}

// A HostKeyAlias is looked up without the port.
func TestF20_AliasLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	for _, tt := range []struct {
		name, alias string
		lines       []string
		key, want   string
	}{
		{"known", "alias", []string{line("alias", ed(1))}, "ed25519", "known"},
		{"known, upper case", "ALIAS", []string{line("Alias", ed(1))}, "ed25519", "known"},
		{"known, hashed, upper case", "ALIAS", []string{line(hashOf("alias"), ed(1))}, "ed25519", "known"},
		{"changed", "alias", []string{line("alias", ed(2))}, "ed25519", "changed"},
		{"another type", "alias", []string{line("alias", ed(1))}, "ecdsa", "changed"},
		{"only with the port", "alias", []string{line("[alias]:2222", ed(1))}, "ed25519", "unknown"},
		{"changed only with the port", "alias", []string{line("[alias]:2222", ed(2))}, "ed25519", "unknown"},
		{"the host does not count", "alias", []string{line("host.test,[host.test]:2222", ed(1))}, "ed25519", "unknown"},
		{"the host is revoked", "alias", []string{line("alias", ed(1)), marked(revoked, "host.test,[host.test]:2222", ed(1))}, "ed25519", "known"},
		{"revoked", "alias", []string{line("alias", ed(1)), marked(revoked, "al*", ed(1))}, "ed25519", "revoked"},
		{"pattern", "a.test", []string{line("*.test", ed(1))}, "ed25519", "known"},
		{"port in the alias", "[alias]:2222", []string{line("[alias]:2222", ed(2))}, "ed25519", "changed"},
		{"certificate of the alias", "host.test", []string{marked(certAuthority, "host.test", ed(9))}, "certificate", "known"},
		{"certificate of the host", "alias", []string{marked(certAuthority, "alias", ed(9))}, "certificate", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compare(t, ssh, question{key: tt.key, alias: tt.alias, port: 2222, user: []string{tempFile(t, tt.lines...)}}, tt.want)
		})
	}
}

// Every file counts, and a revocation in any of them wins.
func TestSeveralFilesLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	known, changed := line("host.test", ed(1)), line("host.test", ed(2))
	gone := marked(revoked, "*", ed(1))
	for _, tt := range []struct {
		name                         string
		user, user2, global, global2 string
		want                         string
	}{
		{"known in the second", "", known, "", "", "known"},
		{"known in a global file", "", "", known, "", "known"},
		{"known in the second global file", "", "", "", known, "known"},
		{"known in a global file, changed in the user's", changed, "", "", known, "known"},
		{"changed in a global file", "", "", changed, "", "changed"},
		{"revoked in the second", known, gone, "", "", "revoked"},
		{"revoked in a global file", known, "", gone, "", "revoked"},
		{"revoked in the second global file", known, known, known, gone, "revoked"},
		{"authority in a global file", "", "", marked(certAuthority, "*", ed(1)), "", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			missing := filepath.Join(t.TempDir(), "missing")
			compare(t, ssh, question{
				key:    "ed25519",
				user:   []string{tempFile(t, tt.user), missing, tempFile(t, tt.user2)},
				global: []string{missing, tempFile(t, tt.global), tempFile(t, tt.global2)},
			}, tt.want)
		})
	}
}

// What accept-new of ssh records is what Accept records, and each then knows
// the host that the other recorded.
func TestF20_AcceptLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	for name, q := range map[string]question{
		"host":               {},
		"port":               {port: 2222},
		"alias":              {alias: "alias", port: 2222},
		"alias, upper case":  {alias: "ALIAS", port: 2222},
		"international name": {host: "B\u00dcCHER.Example"},
	} {
		for _, hash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, hashed %v", name, hash), func(t *testing.T) {
				q.key = "ed25519"
				dir := t.TempDir()
				theirs, ours := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
				q.user = []string{theirs}
				hashOption := "HashKnownHosts=" + map[bool]string{false: "no", true: "yes"}[hash]
				if got := sshVerdict(t, ssh, q, "StrictHostKeyChecking=accept-new", hashOption); got != "known" {
					t.Fatalf("accept-new: %s", got)
				}
				f := FromPath(ours)
				f.HashNames = hash
				v, err := f.Check(q.name(), "192.0.2.1", ed(1)) // ssh does not see the address behind a ProxyCommand
				if err != nil || v.Outcome != Unknown {
					t.Fatal(v, err)
				}
				v.Missing = v.Missing[:1]
				if err := f.Accept(v); err != nil {
					t.Fatal(err)
				}
				if !hash && readFile(t, theirs) != readFile(t, ours) {
					t.Errorf("ssh recorded %q, Accept %q", readFile(t, theirs), readFile(t, ours))
				}
				for _, path := range []string{theirs, ours} {
					q.user = []string{path}
					compare(t, ssh, q, "known")
				}
			})
		}
	}
}

var offered = regexp.MustCompile(`(?m)^debug2: host key algorithms: (\S+?)\r?$`)

// sshOffers returns the host key algorithms in the order in which ssh offers
// them.
func sshOffers(t *testing.T, ssh string, q question) []string {
	t.Helper()
	match := offered.FindStringSubmatch(runSSH(t, ssh, q)) // the first is the client's
	if match == nil {
		t.Fatal("ssh does not show its algorithms")
	}
	return strings.Split(match[1], ",")
}

// The server is asked for the same type of key as by ssh.
func TestF36_HostKeyAlgorithmsLikeSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	allowed := sshOffers(t, ssh, question{key: "ed25519", user: []string{tempFile(t)}})
	isCert := func(algorithm string) bool { return strings.Contains(algorithm, "-cert-v") }
	for name, tt := range map[string]struct {
		lines []string
		alias string
		cert  bool
	}{
		"first contact":              {},
		"ECDSA":                      {lines: []string{line("host.test", ec(1))}},
		"RSA":                        {lines: []string{line("host.test", rsaKey(1))}},
		"RSA, ECDSA":                 {lines: []string{line("host.test", rsaKey(1)), line("host.test", ec(1))}},
		"ECDSA, ED25519":             {lines: []string{line("host.test", ec(1)), line("host.test", ed(1))}},
		"ECDSA of the alias":         {lines: []string{line("alias", ec(1))}, alias: "Alias"},
		"ECDSA, but not of alias":    {lines: []string{line("host.test", ec(1))}, alias: "alias"},
		"ECDSA, hashed":              {lines: []string{line(hashOf("host.test"), ec(1))}},
		"authority":                  {lines: []string{marked(certAuthority, "*.test", rsaKey(1))}, cert: true},
		"authority and ECDSA":        {lines: []string{line("host.test", ec(1)), marked(certAuthority, "*.test", rsaKey(1))}, cert: true},
		"revoked ECDSA":              {lines: []string{marked(revoked, "host.test", ec(1))}},
		"ECDSA in a line that's bad": {lines: []string{line("host.test", ec(1))[:60]}},
	} {
		t.Run(name, func(t *testing.T) {
			q := question{key: "ed25519", alias: tt.alias, user: []string{tempFile(t, tt.lines...)}}
			theirs := sshOffers(t, ssh, q)
			ours, err := FromPath(q.user[0]).HostKeyAlgorithms(q.name(), allowed)
			if err != nil {
				t.Fatal(err)
			}
			if tt.cert && (!isCert(ours[0]) || !isCert(theirs[0])) {
				t.Errorf("no certificates first: ours %q, ssh's %q", ours, theirs)
			}
			if ours, theirs := slices.DeleteFunc(ours, isCert), slices.DeleteFunc(theirs, isCert); ours[0] != theirs[0] {
				t.Errorf("first key type: ours %q, ssh's %q", ours, theirs)
			}
		})
	}
}
