package keygen_test

import (
	"io/fs"
	"os"
	osuser "os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

// TestC_SCRIPTS_30_Defaults: types and sizes without -b, ed25519 without -t;
// the comment user@host; the modes; the messages.
func TestC_SCRIPTS_30_Defaults(t *testing.T) {
	u, err := osuser.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		name string
		typ  keys.Type
		size int
	}{
		{nil, "ed25519", keys.Ed25519, 256},
		{[]string{"-t", "ED25519", "-b", "256"}, "ed25519", keys.Ed25519, 256},
		{[]string{"--type=ecdsa"}, "ecdsa", keys.EC, 256},
		{[]string{"-tecdsa", "-b521"}, "ecdsa", keys.EC, 521},
		{[]string{"-t", "rsa"}, "rsa", keys.RSA, 3072},
		{[]string{"-t", "rsa", "--bits", "1024"}, "rsa", keys.RSA, 1024},
	} {
		path := filepath.Join(t.TempDir(), "key")
		out := must(t, append([]string{"-N", "", "-f", path}, row.args...)...)
		k := load(t, path, "")
		if k.Type() != row.typ || k.Size() != row.size || k.IsPublic() {
			t.Errorf("%q: made %v", row.args, k)
		}
		login := u.Username[strings.LastIndex(u.Username, `\`)+1:] + "@" + host
		public := load(t, path+".pub", "")
		if !public.Equal(k.Public()) || public.Comment() != login || k.Comment() != login {
			t.Errorf("%q: public file %v with comment %q, private comment %q, want %q",
				row.args, public, public.Comment(), k.Comment(), login)
		}
		fingerprint, _ := k.Fingerprint(keys.SHA256Base64)
		want := "Generating public/private " + row.name + " key pair.\n" +
			"Your identification has been saved in " + path + "\n" +
			"Your public key has been saved in " + path + ".pub\n" +
			"The key fingerprint is:\n" + fingerprint + " " + login + "\n"
		if out != want {
			t.Errorf("%q: printed %q, want %q", row.args, out, want)
		}
		mustHold(t, filepath.Dir(path), "key", "key.pub")
	}
}

// TestC_SCRIPTS_30_Modes: the private file has mode 0600 whatever the umask,
// the public file has the mode of an ordinary file.
func TestC_SCRIPTS_30_Modes(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	for mask, want := range map[int][2]fs.FileMode{0o022: {0o600, 0o644}, 0: {0o600, 0o644}, 0o077: {0o600, 0o600}} {
		restore := umask(mask)
		path := pair(t, "-N", "")
		restore()
		for i, file := range []string{path, path + ".pub"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want[i] {
				t.Errorf("umask %03o: %s has mode %v, want %v", mask, file, info.Mode(), want[i])
			}
		}
	}
}

// TestC_SCRIPTS_30_NeverReadable looks at the directory while keys are made,
// with a umask that takes no rights.
func TestC_SCRIPTS_30_NeverReadable(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	defer umask(0)()
	dir := t.TempDir()
	done, seen := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(seen)
		for {
			select {
			case <-done:
				return
			default:
			}
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				info, err := e.Info()
				data, _ := os.ReadFile(filepath.Join(dir, e.Name()))
				if err == nil && info.Mode().Perm()&0o077 != 0 && !strings.HasPrefix(string(data), "ssh-") && len(data) > 0 {
					seen <- e.Name() + " " + info.Mode().String()
					return
				}
			}
		}
	}()
	for range 20 {
		r := typing("y\n").run("-q", "-N", "", "-f", filepath.Join(dir, "key"))
		if r.status != 0 {
			t.Fatal(r)
		}
	}
	close(done)
	if bad, found := <-seen; found {
		t.Error(bad)
	}
}

// TestC_SCRIPTS_30_AsksForFile: without -f the user is asked; the default is in
// .ssh, which is made.
func TestC_SCRIPTS_30_AsksForFile(t *testing.T) {
	home := t.TempDir()
	setHome(t, home)
	usual := filepath.Join(home, ".ssh", "id_ecdsa")
	r := typing("\n").run("-t", "ecdsa", "-N", "")
	if want := "Enter file in which to save the key (" + usual + "): "; r.status != 0 || r.err != want {
		t.Errorf("status %d, asked %q, want %q", r.status, r.err, want)
	}
	if info, err := os.Stat(filepath.Dir(usual)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if !strings.Contains(r.out, "Created directory '"+filepath.Dir(usual)+"'.\n") {
		t.Error(r.out)
	}
	load(t, usual, "")
	other := filepath.Join(home, "other")
	if r := typing(" "+other+" \n").run("-N", ""); r.status != 0 {
		t.Errorf("%+v", r)
	}
	load(t, other, "")
	if r := (user{}).run("-N", ""); r.status != 1 || !strings.Contains(r.err, "-f") {
		t.Errorf("end of input: %+v", r)
	}
	for _, action := range []string{"-l", "-y", "-e"} {
		if r := typing("\n").run(action); r.status != 0 || r.err != "Enter file in which the key is ("+usual+"): " {
			t.Errorf("%s: %+v", action, r)
		}
	}
	mustHold(t, home, ".ssh", "other", "other.pub")
}

// TestC_SCRIPTS_30_Overwrite: files are replaced only after a yes.
func TestC_SCRIPTS_30_Overwrite(t *testing.T) {
	for answer, status := range map[string]int{"y\n": 0, "Yes\n": 0, "n\n": 1, "\n": 1, "maybe\n": 1, "": 1, "y": 0} {
		path := pair(t, "-N", "")
		private, public := read(t, path), read(t, path+".pub")
		r := typing(answer).run("-f", path, "-N", "")
		if r.status != status || !strings.HasPrefix(r.err, path+" already exists.\nOverwrite (y/n)? ") {
			t.Errorf("%q: %+v", answer, r)
		}
		if changed := read(t, path) != private && read(t, path+".pub") != public; changed != (status == 0) {
			t.Errorf("%q: changed is %v", answer, changed)
		}
		if !load(t, path, "").Public().Equal(load(t, path+".pub", "")) {
			t.Errorf("%q: the files do not belong together", answer)
		}
		mustHold(t, filepath.Dir(path), "key", "key.pub")
	}
	path := pair(t, "-N", "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := typing("n\n").run("-f", path, "-N", ""); r.status != 1 || !strings.HasPrefix(r.err, path+".pub already exists.") {
		t.Errorf("only the public file exists: %+v", r)
	}
}

// A file that appears while the user answers is not overwritten.
func TestC_SCRIPTS_30_AppearsMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	c := commandThat(func() { writeFile(t, path, "precious") })
	if status := c.Run([]string{"-q", "-f", path}); status != 1 || read(t, path) != "precious" {
		t.Errorf("status %d, content %q", status, read(t, path))
	}
	mustHold(t, filepath.Dir(path), "key")
}

// A link to a key file stays a link. Files that are not regular are refused.
func TestC_SCRIPTS_30_SpecialFiles(t *testing.T) {
	path := pair(t, "-N", "")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		if runtime.GOOS == "windows" {
			return // needs a privilege
		}
		t.Fatal(err)
	}
	before := read(t, path)
	must(t, "-q", "-p", "-f", link, "-N", "")
	if k := load(t, path, ""); read(t, path) == before || !k.Public().Equal(load(t, path+".pub", "")) {
		t.Errorf("%v", k)
	}
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Error(target, err)
	}
	for _, bad := range []string{t.TempDir(), os.DevNull} {
		if r := typing("y\n").run("-f", bad, "-N", ""); r.status != 1 || !strings.Contains(r.err, "regular") {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}
