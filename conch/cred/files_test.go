package cred_test

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// home is a home directory of the user of the test.
type home struct {
	dir string
	me  *user.User
}

func newHome(t *testing.T) home {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	return home{dir, me}
}

func (h home) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// db returns a database in which "alice" lives in the directory.
func (h home) db(r *reactor.Reactor) *cred.UNIXAuthorizedKeysFiles {
	db := cred.NewUNIXAuthorizedKeysFiles(r)
	db.LookupUser = func(name string) (*user.User, error) {
		if name != "alice" {
			return nil, user.UnknownUserError(name)
		}
		return &user.User{Username: name, Uid: h.me.Uid, HomeDir: h.dir}, nil
	}
	db.LaxModes = runtime.GOOS == "windows"
	return db
}

// ask returns the id and the error for a key of a user.
func ask(t *testing.T, r *reactor.Reactor, db cred.AuthorizedKeysDB, username string, key gossh.PublicKey) (string, error) {
	t.Helper()
	return sshtest.Await(t, r, func() deferred.Deferred[string] {
		return cred.NewSSHPublicKeyChecker(db).RequestAvatarID(&cred.PublicKey{Username: username, Key: key, Remote: loopback})
	})
}

func TestC_SERVER_22_23_Files(t *testing.T) {
	r, h := sshtest.Start(t), newHome(t)
	first, second, unlisted := newKey(t).PublicKey(), newKey(t).PublicKey(), newKey(t).PublicKey()
	db := h.db(r)
	if _, err := ask(t, r, db, "alice", first); !errors.Is(err, cred.ErrUnauthorized) {
		t.Errorf("without files: %v", err)
	}
	h.write(t, ".ssh/authorized_keys", "# one\n\nno key\nno-pty "+line(first))
	h.write(t, ".ssh/authorized_keys2", line(second)+"\n")
	for _, key := range []gossh.PublicKey{first, second} {
		if id, err := ask(t, r, db, "alice", key); id != "alice" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
	}
	if _, err := ask(t, r, db, "alice", unlisted); !errors.Is(err, cred.ErrUnauthorized) || !strings.Contains(err.Error(), "authorized_keys:3: no key") {
		t.Errorf("unlisted: %v", err)
	}
	for _, name := range []string{"bob", "", ".", "..", "../alice", "alice/", `a\b`, "al\x00ice", "a:b"} {
		if _, err := ask(t, r, db, name, first); !errors.Is(err, cred.ErrUnknownUser) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestFilePatterns: %h, %u, %U and %% in names of files.
func TestFilePatterns(t *testing.T) {
	r, h := sshtest.Start(t), newHome(t)
	key := newKey(t).PublicKey()
	for name, pattern := range map[string]string{
		"keys.alice":        "%h/keys.%u",
		"k" + h.me.Uid:      "k%U",
		"100%h":             "100%%h",
		"absolute":          filepath.Join(h.dir, "absolute"),
		".ssh/other":        ".ssh/other",
		"not-used-yet%keys": "not-used-yet%%keys",
	} {
		db := h.db(r)
		db.Files = []string{"missing", pattern}
		h.write(t, name, line(key))
		if id, err := ask(t, r, db, "alice", key); id != "alice" {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// TestV_AUTH_45_StrictModes: files that others could have written are not used.
func TestV_AUTH_45_StrictModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		r, h := sshtest.Start(t), newHome(t)
		db := h.db(r)
		db.LaxModes = false
		key := newKey(t).PublicKey()
		h.write(t, ".ssh/authorized_keys", line(key))
		if _, err := ask(t, r, db, "alice", key); err == nil || !strings.Contains(err.Error(), "LaxModes") {
			t.Error(err)
		}
		return
	}
	r := sshtest.Start(t)
	key := newKey(t).PublicKey()
	for name, tt := range map[string]struct {
		break_ func(h home) error
		says   string // in the error; empty: the key is accepted
	}{
		"all is well":             {func(home) error { return nil }, ""},
		"group may read":          {func(h home) error { return os.Chmod(filepath.Join(h.dir, ".ssh"), 0o755) }, ""},
		"group may write a file":  {func(h home) error { return os.Chmod(filepath.Join(h.dir, ".ssh/authorized_keys"), 0o620) }, "authorized_keys;"},
		"all may write to .ssh":   {func(h home) error { return os.Chmod(filepath.Join(h.dir, ".ssh"), 0o702) }, ".ssh;"},
		"group may write to home": {func(h home) error { return os.Chmod(h.dir, 0o770) }, "home;"},
		"a directory": {func(h home) error {
			file := filepath.Join(h.dir, ".ssh/authorized_keys")
			return errors.Join(os.Remove(file), os.Mkdir(file, 0o700))
		}, "is not a regular file"},
		"a link": {func(h home) error {
			file := filepath.Join(h.dir, ".ssh/authorized_keys")
			return errors.Join(os.Rename(file, file+".real"), os.Symlink("authorized_keys.real", file))
		}, ""},
		"a link to a file of others": {func(h home) error {
			file := filepath.Join(h.dir, ".ssh/authorized_keys")
			outside := filepath.Join(filepath.Dir(h.dir), "outside")
			return errors.Join(os.Rename(file, outside), os.Chmod(outside, 0o666), os.Symlink(outside, file))
		}, "outside;"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.write(t, ".ssh/authorized_keys", line(key))
			if err := tt.break_(h); err != nil {
				t.Fatal(err)
			}
			db := h.db(r)
			if _, err := ask(t, r, db, "alice", key); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
			db.LaxModes = true
			if _, err := ask(t, r, db, "alice", key); (err == nil) != (name != "a directory") {
				t.Errorf("with LaxModes: %v", err)
			}
		})
	}
	h := newHome(t)
	h.write(t, ".ssh/authorized_keys", line(key))
	db := h.db(r)
	lookup := db.LookupUser
	db.LookupUser = func(name string) (*user.User, error) {
		u, err := lookup(name)
		if err == nil {
			u.Uid = "4294967294" // no user has this number
		}
		return u, err
	}
	if _, err := ask(t, r, db, "alice", key); h.me.Uid != "0" && (err == nil || !strings.Contains(err.Error(), "belongs neither")) {
		t.Errorf("the file of another user: %v", err)
	}
}

// TestLargeFile: not more than 4 MiB of a file are used.
func TestLargeFile(t *testing.T) {
	r, h := sshtest.Start(t), newHome(t)
	first, last := newKey(t).PublicKey(), newKey(t).PublicKey()
	h.write(t, ".ssh/authorized_keys", line(first)+"\n"+strings.Repeat("# comment\n", 500<<10)+line(last)+"\n")
	if id, err := ask(t, r, h.db(r), "alice", first); id != "alice" {
		t.Error(err)
	}
	if _, err := ask(t, r, h.db(r), "alice", last); err == nil || !strings.Contains(err.Error(), "only 4194304 bytes are used") {
		t.Error(err)
	}
}
