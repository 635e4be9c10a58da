package knownhosts

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// run gives the output of a program that must succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

var foundLine = regexp.MustCompile(`(?m)^# Host .* found: line (\d+)`)

// linesFound asks ssh-keygen which lines match a name.
func linesFound(t *testing.T, keygen, path, name string) []int {
	t.Helper()
	out, _ := exec.Command(keygen, "-F", name, "-f", path).Output() // fails when there is none
	var lines []int
	for _, match := range foundLine.FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, n)
	}
	return lines
}

func linesMatching(t *testing.T, path, name string) []int {
	t.Helper()
	var lines []int
	for e, err := range FromPath(path).entries() {
		if err != nil {
			t.Fatal(err)
		}
		if e.matches(name) {
			lines = append(lines, e.line)
		}
	}
	return lines
}

// peerLines has something of all that a file may hold.
func peerLines() []string {
	return []string{
		"# comment",
		line("one.org,192.0.2.1", ed(1)) + " comment",
		line("Mixed.Example.ORG", ec(1)),
		line("*.wild.org,!no.wild.org,!*.no.wild.org", ed(2)),
		line("[port.org]:2222,[192.0.2.1]:2222", rsaKey(1)),
		line("[*.wild.org]:2222", ed(3)),
		marked(certAuthority, "*.ca.org", ed(9)),
		marked(revoked, "bad.org,one.org", ed(8)),
		"",
		line("10.0.?.*,fe80::1%eth0,2001:db8::1", ed(4)),
		line("!one.org", ed(5)),
		line("a,,b,", ed(6)),
		"\t " + line("blank.org", ed(1)),
		line(hashOf("hashed.org"), ed(7)),
		line(hashOf("[hashed.org]:2222"), ed(7)),
	}
}

var peerNames = []string{
	"one.org", "192.0.2.1", "mixed.example.org", "a.wild.org", "no.wild.org", "x.no.wild.org", "wild.org", "port.org",
	"[port.org]:2222", "[192.0.2.1]:2222", "[a.wild.org]:2222", "[no.wild.org]:2222", "x.ca.org", "bad.org", "10.0.1.77",
	"10.0.12.77", "fe80::1%eth0", "2001:db8::1", "a", "b", "blank.org", "hashed.org", "[hashed.org]:2222", "nobody.org",
}

func TestKeygenFindsTheSameLines(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	path := tempFile(t, peerLines()...)
	for _, name := range peerNames {
		if ours, theirs := linesMatching(t, path, name), linesFound(t, keygen, path, name); !slices.Equal(ours, theirs) {
			t.Errorf("%s: lines %v, ssh-keygen -F finds %v", name, ours, theirs)
		}
	}
}

func TestC_CLIENT_39_KeygenFindsWhatWeSave(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, hash := range []bool{false, true} {
		f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
		f.HashNames = hash
		names := []Name{host("one.org"), HostPort("One.org", 2222), host("192.0.2.1"), HostPort("2001:db8::1", 2222), Alias("alias")}
		for _, name := range names {
			accept(t, f, name)
		}
		for i, name := range names {
			if got := linesFound(t, keygen, f.path, name.String()); !slices.Equal(got, []int{i + 1}) {
				t.Errorf("hashed %v: ssh-keygen -F %s finds lines %v", hash, name, got)
			}
		}
	}
}

// We find the same lines as ssh-keygen in a file that ssh-keygen has hashed.
func TestKeygenHash(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	path := tempFile(t, peerLines()...)
	run(t, keygen, "-H", "-f", path)
	for _, name := range peerNames {
		if ours, theirs := linesMatching(t, path, name), linesFound(t, keygen, path, name); !slices.Equal(ours, theirs) {
			t.Errorf("%s: lines %v, ssh-keygen -F finds %v", name, ours, theirs)
		}
	}
}

// The command in the message about a changed key does what it promises.
func TestC_CLIENT_38_RemedyWorks(t *testing.T) {
	conchtest.Program(t, "ssh-keygen")
	shell := conchtest.Program(t, "sh")
	path := filepath.Join(t.TempDir(), "it's known_hosts")
	writeFile(t, path, strings.Join([]string{line(hashOf("[host]:2222"), ed(2)), line("other", ed(1)), ""}, "\n"))
	f := FromPath(path)
	_, err := f.Check(HostPort("host", 2222), "", ed(1))
	if err == nil {
		t.Fatal("the key has changed")
	}
	_, command, found := strings.Cut(err.Error(), "or run ")
	if !found {
		t.Fatal(err)
	}
	run(t, shell, "-c", command)
	if v, err := f.Check(HostPort("host", 2222), "", ed(1)); err != nil || v.Outcome != Unknown {
		t.Errorf("%v, %v", v.Outcome, err)
	}
	if got := check(t, f, host("other"), ed(1)); got != Known {
		t.Errorf("the other line: %v", got)
	}
}

func TestC_CLIENT_44_FingerprintIsThatOfKeygen(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, key := range []gossh.PublicKey{ed(1), ec(1), rsaKey(1)} {
		path := filepath.Join(t.TempDir(), "key.pub")
		writeFile(t, path, string(gossh.MarshalAuthorizedKey(key)))
		fields := strings.Fields(run(t, keygen, "-lf", path)) // bits, fingerprint, comment, (TYPE)
		question := Verdict{Name: host("host"), Key: key}.Message()
		containsAll(t, question, "\n"+fields[1]+"\n", strings.Trim(fields[len(fields)-1], "()")+" key")
	}
}

// Certificates as ssh-keygen makes them.
func TestKeygenCertificates(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	dir := t.TempDir()
	ca, hostKey := filepath.Join(dir, "ca"), filepath.Join(dir, "host")
	run(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", ca)
	run(t, keygen, "-q", "-t", "ecdsa", "-N", "", "-f", hostKey)
	authority := publicKey(t, ca+".pub")
	for _, tt := range []struct {
		name string
		args []string
		ok   bool
	}{
		{"host", []string{"-h", "-n", "other.org,host.org"}, true},
		{"wildcard", []string{"-h", "-n", "*.org"}, false},
		{"no names", []string{"-h"}, true},
		{"another host", []string{"-h", "-n", "other.org"}, false},
		{"expired", []string{"-h", "-n", "host.org", "-V", "20200101:20210101"}, false},
		{"user", []string{"-n", "host.org"}, false},
	} {
		run(t, keygen, slices.Concat([]string{"-q", "-s", ca, "-I", tt.name}, tt.args, []string{hostKey + ".pub"})...)
		cert := publicKey(t, hostKey+"-cert.pub")
		f := FromPath(tempFile(t, marked(certAuthority, "*.org", authority)))
		v, err := f.Check(host("host.org"), "", cert)
		if (err == nil) != tt.ok || tt.ok && v.Outcome != Known {
			t.Errorf("%s: %v, %v", tt.name, v.Outcome, err)
		}
	}
}

func publicKey(t *testing.T, path string) gossh.PublicKey {
	t.Helper()
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
