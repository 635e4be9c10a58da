package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PersistentKey returns the private key in a file, such as the host key of a
// server. If the file does not exist PersistentKey makes a key with Generate
// and saves it, unencrypted, with mode 0600. It makes missing directories with
// mode 0700. The file appears with all its content or not at all. If several
// processes call PersistentKey at the same moment one key is made, and all get
// it; the file system must support hard links for that.
//
// A key that exists is returned whatever its type and size. The errors are
// those of FromFile, Generate and package os. A public key or an encrypted key
// in the file is an error.
func PersistentKey(path string, typ Type, bits int) (*Key, error) {
	key, err := FromFile(path, nil)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(path, typ, bits); err == nil {
			key, err = FromFile(path, nil)
		}
	}
	if err != nil {
		return nil, err
	}
	if key.IsPublic() {
		return nil, &BadKeyError{Path: path, Err: ErrPublicKey}
	}
	return key, nil
}

// createKey makes the file. It succeeds if another process makes the file at
// the same time.
func createKey(path string, typ Type, bits int) error {
	key, err := Generate(typ, bits)
	if err != nil {
		return err
	}
	text, err := key.ToString(ToStringOptions{Subtype: V1})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err := writeNew(path, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// writeNew makes a file that only its owner may read. The file appears with all
// its content or not at all. An existing file is left alone, and the error
// wraps fs.ErrExist.
func writeNew(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
