package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PersistentKey returns the private key in a file. If there is no such file it makes a key by Generate and the file with it: with mode 0600, in
// directories that are made with mode 0700 if they are missing, whole or not at all, and once even if several processes want it at the same
// moment. The file system has to know hard links. A key that is there is taken as it is, of whatever type and size.
//
// Errors are those of FromFile, Generate and package os; a public key, and an encrypted one, in the file are errors too.
func PersistentKey(path string, typ Type, bits int) (*Key, error) {
	key, err := FromFile(path, Guess, nil)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(path, typ, bits); err == nil {
			key, err = FromFile(path, Guess, nil)
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

// createKey makes the file. Finding that somebody else has made it meanwhile is as good.
func createKey(path string, typ Type, bits int) error {
	key, err := Generate(typ, bits)
	if err != nil {
		return err
	}
	text, err := key.ToString(OpenSSH, ToStringOptions{Subtype: V1})
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

// writeNew makes a file that only its owner may read. It is there with all its content, or not at all; one that exists is left as it is, and
// gives an fs.ErrExist.
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
