package keys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

func TestC_KEYS_14_PersistentKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "host_key")
	first, err := keys.PersistentKey(path, keys.Ed25519, 0)
	if err != nil || first.IsPublic() {
		t.Fatalf("%v, %v", first, err)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, dir: fs.ModeDir | 0o700} {
		info, err := os.Stat(name)
		if err != nil || runtime.GOOS != "windows" && info.Mode() != want {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	second, err := keys.PersistentKey(path, keys.RSA, 4096)
	if err != nil || !second.Equal(first) {
		t.Errorf("the second time: %v, %v", second, err)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("left in the directory: %v", names)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// However many want it at the same moment, one key comes into being and all get
// it.
func TestC_KEYS_14_PersistentKeyAtTheSameMoment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var got [8]*keys.Key
	var errs [8]error
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i], errs[i] = keys.PersistentKey(path, keys.EC, 256) }) // ends with its one call
	}
	all.Wait()
	for i, k := range got {
		if errs[i] != nil || !k.Equal(got[0]) {
			t.Errorf("%d: %v, %v", i, k, errs[i])
		}
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left in the directory: %v", names)
	}
}

func TestC_KEYS_14_PersistentKeyNotReplaced(t *testing.T) {
	all, err := readGolden()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"junk": "junk", "public": all[0].Line, "encrypted": all[0].EncryptedPEM} {
		path := file(t, "key", []byte(content))
		if _, err := keys.PersistentKey(path, keys.Ed25519, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != content {
			t.Errorf("%s: the file became %q, %v", name, now, err)
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	_, err = keys.PersistentKey(path, keys.DSA, 0)
	mustBeBad(t, err, keys.ErrUnsupported)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is there: %v", err)
	}
	if _, err := keys.PersistentKey(filepath.Join(file(t, "file", nil), "key"), keys.Ed25519, 0); err == nil {
		t.Error("a file in place of the directory: no error")
	}
}
