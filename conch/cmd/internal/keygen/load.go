package keygen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
)

// stdinPath is the name of standard input.
const stdinPath = "-"

// maxFile is the size in bytes of the largest file that is read.
const maxFile = 64 << 20

// read returns the content of a file, or of Stdin if the path is "-".
func (t *task) read(path string) ([]byte, error) {
	var from io.Reader = t.in
	if path != stdinPath {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: the file has more than %d bytes", path, maxFile)
	}
	return data, err
}

// load reads a key. It asks for the passphrase if the key is encrypted and no
// option has the passphrase.
func (t *task) load(path, prompt string) (*keys.Key, error) {
	open := func(passphrase []byte) (*keys.Key, error) { return keys.FromFile(path, passphrase) }
	if info, err := os.Stat(path); path == stdinPath || err == nil && !info.Mode().IsRegular() { // readable only once
		data, err := t.read(path)
		if err != nil {
			return nil, err
		}
		open = func(passphrase []byte) (*keys.Key, error) {
			key, err := keys.FromString(data, passphrase)
			return key, inFile(path, err)
		}
	}
	return t.unlock(open, prompt)
}

// unlock opens a key with the passphrase of the options, or that of the user.
func (t *task) unlock(open func(passphrase []byte) (*keys.Key, error), prompt string) (*keys.Key, error) {
	key, err := open([]byte(t.set[optPass]))
	if _, encrypted := errors.AsType[*keys.EncryptedKeyError](err); !encrypted || t.set.has(optPass) {
		return key, err
	}
	passphrase, err := t.secret(prompt)
	if err != nil {
		return nil, err
	}
	return open(passphrase)
}

// publicHalf returns the public half of a key, with its comment. If the file
// does not show them without a passphrase they are taken from the public file
// beside it.
func (t *task) publicHalf(path string, data []byte) (*keys.Key, error) {
	open := func(passphrase []byte) (*keys.Key, error) { return keys.FromString(data, passphrase) }
	key, err := open(nil)
	encrypted, isEncrypted := errors.AsType[*keys.EncryptedKeyError](err)
	if isEncrypted {
		key = encrypted.Public // may be nil
	}
	if path != stdinPath && (key == nil || key.Comment() == "") {
		beside, err := keys.FromFile(path+".pub", nil)
		if err == nil && (key == nil || bytes.Equal(beside.Blob(), key.Blob())) {
			return beside, nil
		}
	}
	if key == nil && isEncrypted {
		key, err = t.unlock(open, "Enter passphrase: ")
	}
	if key == nil {
		return nil, inFile(path, err)
	}
	return key.Public(), nil
}

// fileError adds the path to an error of package keys that has none.
type fileError struct {
	path string
	err  error
}

func (e *fileError) Error() string { return e.path + ": " + text.TrimPrefix(e.err) }
func (e *fileError) Unwrap() error { return e.err }

// inFile returns err as a *fileError. nil stays nil.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fileError{path, err}
}

// printable returns a comment as one line that a terminal can show.
func printable(comment string) string {
	return strings.ReplaceAll(text.Lines(comment), "\n", `\n`)
}
