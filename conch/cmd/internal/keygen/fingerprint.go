package keygen

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// hashes are the values of -E, with the prefix and the padding of the
// fingerprints that ssh-keygen prints.
var hashes = []struct {
	name, prefix, padding string
	format                keys.FingerprintFormat
}{{"sha256", "SHA256:", "=", keys.SHA256Base64}, {"md5", "MD5:", "", keys.MD5Hex}}

// spelling returns the function that writes fingerprints as the options say.
func (t *task) spelling() (func(*keys.Key) string, error) {
	format, prefix, padding := keys.SHA256Base64, "", ""
	switch {
	case t.set.has(optFormat) && t.set.has(optHash):
		return nil, usagef("options -o and -E do not go together")
	case t.set.has(optFormat):
		format = keys.FingerprintFormat(t.set[optFormat])
		if format != keys.SHA256Base64 && format != keys.MD5Hex {
			return nil, fmt.Errorf("unknown fingerprint format %s; use %s or %s",
				text.Quote(t.set[optFormat]), keys.SHA256Base64, keys.MD5Hex)
		}
	case t.set.has(optHash):
		format = ""
		for _, h := range hashes {
			if strings.EqualFold(h.name, t.set[optHash]) {
				format, prefix, padding = h.format, h.prefix, h.padding
			}
		}
		if format == "" {
			return nil, fmt.Errorf("unknown fingerprint hash %s; use sha256 or md5", text.Quote(t.set[optHash]))
		}
	}
	return func(k *keys.Key) string {
		f, _ := k.Fingerprint(format) // a known format
		return prefix + strings.TrimRight(f, padding)
	}, nil
}

// fingerprint prints a line for each key of a file: a private key, a public
// key, or lines of an authorized_keys or known_hosts file.
func (t *task) fingerprint() error {
	spell, err := t.spelling()
	if err != nil {
		return err
	}
	path, err := t.existingPath()
	if err != nil {
		return err
	}
	entries, err := t.entries(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		rest := filepath.Base(path)
		if t.set.has(optHash) {
			rest = fmt.Sprintf("%s (%s)", printable(e.comment), e.kind)
		}
		if err := t.print("%d %s %s\n", e.key.Size(), spell(e.key), rest); err != nil {
			return err
		}
	}
	return nil
}

// entry is a key of a file, with the words that ssh-keygen prints beside it.
type entry struct {
	key           *keys.Key
	comment, kind string
}

// entries returns the keys of a file, at least one.
func (t *task) entries(path string) ([]entry, error) {
	data, err := t.read(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		key, err := t.publicHalf(path, data)
		if err != nil {
			return nil, err
		}
		e, err := newEntry(key.PublicKey(), key.Comment())
		return []entry{e}, err
	}
	var found []entry
	for line := range bytes.Lines(data) {
		public, comment, options, _, err := gossh.ParseAuthorizedKey(line)
		if err != nil {
			continue // another kind of line
		}
		if comment == "" {
			comment = strings.Join(options, ",") // of known_hosts: the hosts
		}
		if e, err := newEntry(public, comment); err == nil {
			found = append(found, e)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	_, err = keys.FromString(data, nil) // for the reason
	if err == nil {
		err = errors.New("not a key file")
	}
	return nil, inFile(path, err)
}

// kinds are the names of key types that ssh-keygen prints.
var kinds = map[string]string{
	gossh.KeyAlgoRSA:        "RSA",
	"ssh-dss":               "DSA", // the constant in x/crypto is deprecated
	gossh.KeyAlgoECDSA256:   "ECDSA",
	gossh.KeyAlgoECDSA384:   "ECDSA",
	gossh.KeyAlgoECDSA521:   "ECDSA",
	gossh.KeyAlgoED25519:    "ED25519",
	gossh.KeyAlgoSKECDSA256: "ECDSA-SK",
	gossh.KeyAlgoSKED25519:  "ED25519-SK",
}

// newEntry returns the entry of a key. That of a certificate has the key
// inside.
func newEntry(public gossh.PublicKey, comment string) (entry, error) {
	suffix := ""
	if certificate, ok := public.(*gossh.Certificate); ok {
		public, suffix = certificate.Key, "-CERT"
	}
	key, err := keys.New(public)
	if err != nil {
		return entry{}, err
	}
	if comment == "" {
		comment = "no comment"
	}
	return entry{key: key, comment: comment, kind: kinds[key.SSHType()] + suffix}, nil
}
