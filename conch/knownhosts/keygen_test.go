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
	f := FromPath(path)
	var lines []int
	for e := range f.Entries() {
		if e.MatchesHost(name) {
			lines = append(lines, e.Line)
		}
	}
	if f.Err() != nil {
		t.Fatal(f.Err())
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
		marked(CertAuthority, "*.ca.org", ed(9)),
		marked(Revoked, "bad.org,one.org", ed(8)),
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
	for _, plain := range []bool{false, true} {
		f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
		f.Plain = plain
		names := []string{"one.org", "[one.org]:2222", "192.0.2.1", "[2001:db8::1]:2222"}
		for _, name := range names {
			add(t, f, name)
		}
		save(t, f)
		for i, name := range names {
			if got := linesFound(t, keygen, f.SavePath(), name); !slices.Equal(got, []int{i + 1}) {
				t.Errorf("plain %v: ssh-keygen -F %s finds lines %v", plain, name, got)
			}
		}
	}
}

// A file hashed by either side has the same lines and answers the same for each name.
func TestKeygenHash(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	lines := slices.DeleteFunc(peerLines(), func(s string) bool {
		return strings.Contains(s, ",,") // ssh-keygen drops the names after the gap
	})
	ours, theirs := tempFile(t, lines...), tempFile(t, lines...)
	if _, err := Hash(ours); err != nil {
		t.Fatal(err)
	}
	run(t, keygen, "-H", "-f", theirs)
	for _, name := range peerNames {
		want := linesFound(t, keygen, theirs, name)
		for who, got := range map[string][]int{
			"we in our file":         linesMatching(t, ours, name),
			"we in their file":       linesMatching(t, theirs, name),
			"ssh-keygen in our file": linesFound(t, keygen, ours, name),
		} {
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s finds lines %v, ssh-keygen in its file %v", name, who, got, want)
			}
		}
	}
	salted := regexp.MustCompile(`(?m)^\|1\|[^ ]*`)
	if a, b := salted.ReplaceAllString(readFile(t, ours), "|"), salted.ReplaceAllString(readFile(t, theirs), "|"); a != b {
		t.Errorf("we made\n%s\nssh-keygen made\n%s", a, b)
	}
	if readFile(t, ours+".old") != readFile(t, theirs+".old") {
		t.Error("the old files differ")
	}
}

// The command in the message about a changed key does what it promises.
func TestC_CLIENT_38_RemedyWorks(t *testing.T) {
	conchtest.Program(t, "ssh-keygen")
	shell := conchtest.Program(t, "sh")
	path := filepath.Join(t.TempDir(), "it's known_hosts")
	writeFile(t, path, strings.Join([]string{line(hashOf("[host]:2222"), ed(2)), line("other", ed(1)), ""}, "\n"))
	f := FromPath(path)
	_, err := f.Check("host", 2222, "", ed(1))
	if err == nil {
		t.Fatal("the key has changed")
	}
	_, command, found := strings.Cut(err.Error(), "or run ")
	if !found {
		t.Fatal(err)
	}
	run(t, shell, "-c", command)
	if v, err := f.Check("host", 2222, "", ed(1)); err != nil || v.Outcome != Unknown {
		t.Errorf("%v, %v", v.Outcome, err)
	}
	if found, err := f.HasHostKey("other", ed(1)); !found || err != nil {
		t.Errorf("the other line: %v, %v", found, err)
	}
}

func TestC_CLIENT_44_FingerprintIsThatOfKeygen(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, key := range []gossh.PublicKey{ed(1), ec(1), rsaKey(1)} {
		path := filepath.Join(t.TempDir(), "key.pub")
		writeFile(t, path, string(gossh.MarshalAuthorizedKey(key)))
		fields := strings.Fields(run(t, keygen, "-lf", path)) // bits, fingerprint, comment, (TYPE)
		question := Verdict{Host: "host", Key: key}.Question()
		containsAll(t, question, " "+fields[1]+"\n", strings.Trim(fields[len(fields)-1], "()")+" key")
	}
}

// Certificates as ssh-keygen makes them.
func TestKeygenCertificates(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	dir := t.TempDir()
	ca, host := filepath.Join(dir, "ca"), filepath.Join(dir, "host")
	run(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", ca)
	run(t, keygen, "-q", "-t", "ecdsa", "-N", "", "-f", host)
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
		run(t, keygen, slices.Concat([]string{"-q", "-s", ca, "-I", tt.name}, tt.args, []string{host + ".pub"})...)
		cert := publicKey(t, host+"-cert.pub")
		f := FromPath(tempFile(t, marked(CertAuthority, "*.org", authority)))
		v, err := f.Check("host.org", 22, "", cert)
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
