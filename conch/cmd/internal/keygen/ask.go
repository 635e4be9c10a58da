package keygen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/conch/keys"
)

// maxLine is the size in bytes of the longest answer.
const maxLine = 4096

var errTooLong = fmt.Errorf("the answer has more than %d bytes", maxLine)

// line writes a question and reads the answer from Stdin.
func (t *task) line(prompt string) (string, error) {
	if err := t.write(t.Stderr, prompt); err != nil {
		return "", err
	}
	answer, err := readLine(t.in)
	if err != nil {
		_ = t.write(t.Stderr, "\n") // the error is more important
		return "", err
	}
	return string(answer), nil
}

// readLine reads a line and returns it without its end. The error is io.EOF at
// the end of the input.
func readLine(r io.ByteReader) ([]byte, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		switch {
		case err == io.EOF && len(line) == 0:
			return nil, err
		case err == io.EOF, err == nil && b == '\n':
			return bytes.TrimSuffix(line, []byte("\r")), nil
		case err != nil:
			return nil, fmt.Errorf("cannot read the answer: %w", err)
		case len(line) == maxLine:
			return nil, errTooLong
		}
		line = append(line, b)
	}
}

// secret asks for a passphrase.
func (t *task) secret(prompt string) ([]byte, error) {
	answer, err := []byte(nil), ErrNoTerminal
	if t.Secret != nil {
		answer, err = t.Secret(prompt)
	}
	if errors.Is(err, ErrNoTerminal) {
		var line string
		line, err = t.line(prompt)
		answer = []byte(line)
	}
	if err == io.EOF {
		err = errors.New("no passphrase: the input has ended; give it with -P or -N")
	}
	return answer, err
}

// newPassphrase returns the passphrase for a file to write. The options of
// given come first; without one, the user is asked twice.
func (t *task) newPassphrase(prompt string, given ...string) ([]byte, error) {
	for _, name := range given {
		if t.set.has(name) {
			return []byte(t.set[name]), nil
		}
	}
	for {
		first, err := t.secret(prompt)
		if err != nil {
			return nil, err
		}
		again, err := t.secret("Enter same passphrase again: ")
		if err != nil {
			return nil, err
		}
		if bytes.Equal(first, again) {
			return first, nil
		}
		if err := t.write(t.Stderr, "Passphrases do not match.  Try again.\n"); err != nil {
			return nil, err
		}
	}
}

// keyName is the name of a key type.
type keyName struct {
	name  string
	typ   keys.Type
	sizes string // in bits
}

// names are the names of key types in options and file names, with their sizes.
// The first is the default.
var names = []keyName{
	{"ed25519", keys.Ed25519, "256"},
	{"ecdsa", keys.EC, "256, 384 or 521"},
	{"rsa", keys.RSA, "1024 to 16384"},
}

// defaultPath returns the file for a key of this type in the home directory.
func defaultPath(name string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w; name the key file with -f", err)
	}
	return filepath.Join(home, ".ssh", "id_"+name), nil
}

// existingPath returns the key file to work on. Without an option, the user is
// asked. The default is the first file of a usual name that exists.
func (t *task) existingPath() (string, error) {
	if t.set.has(optFile) {
		return t.set[optFile], nil
	}
	usual, err := defaultPath(names[0].name)
	if err != nil {
		return "", err
	}
	for _, n := range names {
		path, _ := defaultPath(n.name) // the home directory is known
		if _, err := os.Stat(path); err == nil {
			usual = path
			break
		}
	}
	return t.askPath("Enter file in which the key is", usual)
}

// askPath asks for a file. An empty answer means the given path.
func (t *task) askPath(question, path string) (string, error) {
	answer, err := t.line(fmt.Sprintf("%s (%s): ", question, path))
	if err == io.EOF {
		return "", usagef("no file name: the input has ended; name the key file with -f")
	}
	if answer = strings.TrimSpace(answer); answer != "" {
		path = answer
	}
	return path, err
}
