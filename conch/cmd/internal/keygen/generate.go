package keygen

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
)

// generate makes a key pair.
func (t *task) generate() error {
	name, key, err := t.newKey()
	if err != nil {
		return err
	}
	comment := t.comment()
	public, err := key.Public().ToString(keys.ToStringOptions{Comment: comment})
	if err != nil {
		return err
	}
	path, replace, err := t.newPath(name)
	if err != nil {
		return err
	}
	passphrase, err := t.newPassphrase("Enter passphrase (empty for no passphrase): ",
		optNewPass, optPass, optNoPassphrase)
	if err != nil {
		return err
	}
	private, err := t.privateFile(path, key, comment, passphrase)
	if err != nil {
		return err
	}
	if err := t.makeDir(path); err != nil {
		return err
	}
	beside := file{path: path + ".pub", data: append(public, '\n'), mode: modePublic}
	if err := save(replace, private, beside); err != nil {
		return err
	}
	return t.sayMade(path, key, comment)
}

// newKey makes a key as the options say, and returns its type as the options
// name it. All options are checked before the first question.
func (t *task) newKey() (name string, key *keys.Key, err error) {
	given := 0
	for _, option := range []string{optNewPass, optPass, optNoPassphrase} {
		if t.set.has(option) {
			given++
		}
	}
	if given > 1 {
		return "", nil, usagef("a new key has one passphrase; give one of -N, -P and --no-passphrase")
	}
	format, err := t.privateFormat()
	if err != nil {
		return "", nil, err
	}
	if _, err := t.spelling(); err != nil {
		return "", nil, err
	}
	n, err := t.keyType()
	if err != nil {
		return "", nil, err
	}
	bits, err := t.number(optBits)
	if err != nil {
		return "", nil, err
	}
	if err := t.say("Generating public/private %s key pair.\n", n.name); err != nil {
		return "", nil, err
	}
	key, err = keys.Generate(n.typ, bits)
	if errors.Is(err, keys.ErrUnsupported) {
		err = fmt.Errorf("no key of type %s has %d bits; use %s, or omit -b", n.name, bits, n.sizes)
	}
	if err == nil {
		_, err = key.ToString(format) // it refuses some
	}
	return n.name, key, err
}

func (t *task) keyType() (keyName, error) {
	if !t.set.has(optType) {
		return names[0], nil
	}
	var known []string
	for _, n := range names {
		if strings.EqualFold(t.set[optType], n.name) {
			return n, nil
		}
		known = append(known, n.name)
	}
	if strings.EqualFold(t.set[optType], "dsa") {
		return keyName{}, errors.New("DSA keys are not made, because OpenSSH no longer accepts them; omit -t dsa")
	}
	return keyName{}, fmt.Errorf("unknown key type %s; use %s", text.Quote(t.set[optType]), strings.Join(known, ", "))
}

// number returns the value of an option, at least 1, or 0 if the option was not
// given.
func (t *task) number(option string) (int, error) {
	if !t.set.has(option) {
		return 0, nil
	}
	n, err := strconv.Atoi(t.set[option])
	if err != nil || n < 1 {
		return 0, usagef("option -%s: %s is not a number above 0", option[:1], text.Quote(t.set[option]))
	}
	return n, nil
}

// comment returns the comment of a new key, user@host by default.
func (t *task) comment() string {
	if t.set.has(optComment) {
		return t.set[optComment]
	}
	return login()
}

// login returns user@host, as far as the system knows them.
func login() string {
	var name string
	if u, err := user.Current(); err == nil {
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // Windows has DOMAIN\user
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return name + "@" + host
}

// newPath returns the path of the new key, and whether the files may replace
// others.
func (t *task) newPath(name string) (path string, replace bool, err error) {
	usual, err := defaultPath(name)
	switch {
	case t.set.has(optFile):
		path, err = t.set[optFile], nil
	case err == nil:
		path, err = t.askPath("Enter file in which to save the key", usual)
	}
	if err != nil {
		return "", false, err
	}
	replace, err = t.confirm(path, path+".pub")
	return path, replace, err
}

// makeDir makes the user's .ssh directory if the key will be in it.
func (t *task) makeDir(path string) error {
	usual, err := defaultPath("")
	dir := filepath.Dir(path)
	if err != nil || dir != filepath.Dir(usual) {
		return nil // an error says that there is no home directory
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil // saving the key reports other errors
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return &saveError{err}
	}
	return t.say("Created directory '%s'.\n", dir)
}

// confirm asks whether to overwrite the files, once, if one of them exists. The
// error is errRefused if the answer does not begin with y.
func (t *task) confirm(paths ...string) (replace bool, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, &saveError{err}
		}
		if !info.Mode().IsRegular() {
			return false, &saveError{fmt.Errorf("%s exists and is not a regular file", path)}
		}
		if replace {
			continue
		}
		answer, err := t.line(fmt.Sprintf("%s already exists.\nOverwrite (y/n)? ", path))
		if err != nil && err != io.EOF {
			return false, err
		}
		if !strings.HasPrefix(strings.ToLower(answer), "y") {
			return false, errRefused
		}
		replace = true
	}
	return replace, nil
}

// sayMade tells the user where the new key is, and its fingerprint.
func (t *task) sayMade(path string, key *keys.Key, comment string) error {
	spell, err := t.spelling()
	if err != nil {
		return err
	}
	return t.say("Your identification has been saved in %s\n"+
		"Your public key has been saved in %s.pub\n"+
		"The key fingerprint is:\n%s %s\n", path, path, spell(key), printable(comment))
}
