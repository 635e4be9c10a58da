//go:build unix

package cftp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
)

// strangers are SSH servers of other projects. start returns the directory in
// which their sessions begin.
var strangers = []struct {
	name  string
	start func(t *testing.T) (to sshtest.Target, dir string)
}{
	{"OpenSSH", func(t *testing.T) (sshtest.Target, string) { s, to := sshtest.OpenSSH(t); return to, s.Home }},
	{"Twisted", func(t *testing.T) (sshtest.Target, string) {
		return sshtest.PythonServer(t, filepath.Join("..", "..", "..", "client", "testdata", "twisted_server.py"), "twisted.conch")
	}},
	{"asyncssh", func(t *testing.T) (sshtest.Target, string) {
		return sshtest.PythonServer(t, filepath.Join("..", "..", "..", "client", "testdata", "asyncssh_server.py"), "asyncssh")
	}},
	{"Dropbear", sshtest.Dropbear},
	{"x/crypto/ssh and pkg/sftp", func(t *testing.T) (sshtest.Target, string) {
		s, to := sshtest.Embedded(t, conchtest.Options{})
		return to, s.Dir
	}},
}

// TestStrangers runs one batch with several servers.
func TestStrangers(t *testing.T) {
	for i, s := range strangers {
		if os.Getenv("HAWSER_LONG") == "" && i%2 == 0 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			to, dir := s.start(t)
			local := t.TempDir()
			makeFiles(t, local, "one=1", "two=22", "tree/a=a", "tree/d/b=b", "big="+strings.Repeat("0123456789abcdef", 50_000))
			batch := `mkdir work
cd work
put one
-put t* .
-put -r tree .
put -r tree copy
ls -1
ls -l one
get copy/d/b back
get -r copy
get one 1
get two 2
chmod 600 two
rename two 'three 3'
ln link one
put big
get big big2
rm one
-rm nope
ls -1a
cd copy
pwd
put -p ../nothing
`
			name := filepath.Join(local, "batch")
			if err := os.WriteFile(name, []byte(batch), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Chdir(local)
			var out, errs bytes.Buffer
			p := &Program{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
			args := []string{"-F", "none", "-b", name, "-P", fmt.Sprint(to.Port), "-i", to.Options.Identities[0],
				"-o", "UserKnownHostsFile=" + filepath.Join(local, "known"), "-o", "StrictHostKeyChecking=accept-new", "-o", "IdentityAgent=none", to.User + "@" + to.Host}
			if status := p.Run(args); status != 1 || !strings.HasSuffix(errs.String(), "stat \"../nothing\": no such file or directory\n") {
				t.Errorf("status %d, errors:\n%soutput:\n%s", status, errs.String(), out.String())
			}
			for name, want := range map[string]string{"back": "b", "copy/a": "a", "copy/d/b": "b", "1": "1", "2": "22", "big2": content(t, local, "big")} {
				if got := content(t, local, name); got != want {
					t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
				}
			}
			if want := "copy\nlink\nthree 3\ntree\n"; !strings.Contains(out.String(), "cftp> ls -1a\n.\n..\nbig\n"+want) {
				t.Errorf("output:\n%swant:\n%s", out.String(), want)
			}
			if got := content(t, dir, "work", "three 3"); got != "22" && got != "(none)" {
				t.Errorf("three 3 is %q", got)
			}
		})
	}
}

// The server's banner goes to standard error, and not with -q, as with sftp.
func TestBanner(t *testing.T) {
	banner := filepath.Join(t.TempDir(), "banner")
	if err := os.WriteFile(banner, []byte("For staff only.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewOpenSSH(t, "Banner "+banner)
	_, port := s.HostPort()
	for option, shown := range map[string]bool{"-C": true, "-q": false} {
		var out, errs bytes.Buffer
		p := &Program{Stdin: strings.NewReader("pwd\n"), Stdout: &out, Stderr: &errs}
		status := p.Run([]string{option, "-F", "none", "-b", "-", "-P", fmt.Sprint(port), "-i", s.ClientKey,
			"-o", "UserKnownHostsFile=" + s.KnownHosts, "-o", "IdentityAgent=none", s.User + "@127.0.0.1"})
		if status != 0 || strings.HasPrefix(errs.String(), "For staff only.\n") != shown {
			t.Errorf("%s: status %d, errors %q", option, status, errs.String())
		}
	}
}
