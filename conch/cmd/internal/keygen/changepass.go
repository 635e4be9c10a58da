package keygen

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
)

// changePassphrase writes a private key again with another passphrase. The
// comment stays.
func (t *task) changePassphrase() error {
	if t.set.has(optNewPass) && t.set.has(optNoPassphrase) {
		return usagef("options -N and --no-passphrase do not go together")
	}
	if _, err := t.privateFormat(); err != nil {
		return err
	}
	path, err := t.existingPath()
	if err != nil {
		return err
	}
	key, err := t.load(path, "Enter old passphrase: ")
	if err != nil {
		return err
	}
	if key.IsPublic() {
		return inFile(path, keys.ErrPublicKey)
	}
	if key.Comment() != "" {
		if err := t.say("Key has comment '%s'\n", printable(key.Comment())); err != nil {
			return err
		}
	}
	passphrase, err := t.newPassphrase("Enter new passphrase (empty for no passphrase): ", optNewPass, optNoPassphrase)
	if err != nil {
		return err
	}
	private, err := t.privateFile(path, key, key.Comment(), passphrase)
	if err != nil {
		return err
	}
	if err := save(true, private); err != nil {
		return err
	}
	return t.say("Your identification has been saved with the new passphrase.\n")
}

// privateFormat returns how the options want private key files, without comment
// and passphrase. OpenSSH's own format, which ssh-keygen calls RFC4716, is the
// default.
func (t *task) privateFormat() (keys.ToStringOptions, error) {
	rounds, err := t.number(optRounds)
	if err != nil {
		return keys.ToStringOptions{}, err
	}
	switch format := t.set[optSubtype]; {
	case !t.set.has(optSubtype), strings.EqualFold(format, string(keys.V1)), strings.EqualFold(format, formatRFC4716):
		return keys.ToStringOptions{Subtype: keys.V1, Rounds: rounds}, nil
	case strings.EqualFold(format, string(keys.PEM)):
		return keys.ToStringOptions{Subtype: keys.PEM, Rounds: rounds}, nil
	default:
		return keys.ToStringOptions{}, fmt.Errorf("private keys are not written in the format %s; use %s or %s",
			text.Quote(format), keys.V1, keys.PEM)
	}
}

// privateFile returns the file of a private key.
func (t *task) privateFile(path string, key *keys.Key, comment string, passphrase []byte) (file, error) {
	format, err := t.privateFormat()
	if err != nil {
		return file{}, err
	}
	format.Comment, format.Passphrase = comment, passphrase
	data, err := key.ToString(format)
	if err != nil {
		return file{}, err
	}
	return file{path: path, data: data, mode: modePrivate, verify: func(path string) error {
		back, err := keys.FromFile(path, passphrase)
		if err == nil && !back.Equal(key) {
			err = fmt.Errorf("%s: another key than the one that was written", path)
		}
		return err
	}}, nil
}
