package cred

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// AuthorizedKey is a line of an authorized_keys file: a public key with the
// options that sshd(8) lists. Make it with ParseAuthorizedKey, or with a Key
// alone. Any goroutine may use it.
type AuthorizedKey struct {
	Key     gossh.PublicKey
	Comment string

	// Source is where the key is listed, for logs and errors, such as "file:3".
	Source string

	// Err is why the line is not used. A line with an option that is unknown,
	// or that cannot be obeyed, is not used. Key is nil if the line has none.
	Err error

	options *keyOptions // nil: none
}

const (
	// maxLine is the length of the longest line, in bytes. The manual of
	// OpenSSH promises 8 KiB.
	maxLine = 64 << 10

	// minRSA and maxRSA are the sizes of RSA keys that are accepted, in bits.
	minRSA, maxRSA = 2048, 16384
)

// errNoKey is the error of a line that has no key.
var errNoKey = errors.New("no key")

// ParseAuthorizedKey parses a line. It returns nil for a line that is empty or a
// comment. All other lines give an AuthorizedKey, which has an Err if it cannot
// be used.
func ParseAuthorizedKey(line, source string) *AuthorizedKey {
	line = strings.Trim(line, " \t\r\n")
	if line == "" || line[0] == '#' {
		return nil
	}
	k := &AuthorizedKey{Source: source}
	if err := k.parse(line); err != nil {
		k.Err = fmt.Errorf("cred: %s: %w", text.Line(source), err)
	}
	return k
}

func (k *AuthorizedKey) parse(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("the line has more than %d bytes", maxLine)
	}
	var err error
	if k.Key, k.Comment, err = parseKey(line); err == nil {
		return usable(k.Key)
	}
	options, rest, ok := cutOptions(line)
	if !ok {
		return errors.New("the value of an option has no closing quote")
	}
	if k.Key, k.Comment, err = parseKey(rest); err != nil {
		return err
	}
	if k.options, err = parseKeyOptions(options); err != nil {
		return err
	}
	return usable(k.Key)
}

// cutOptions splits a line after its options: before the first blank that is not
// between quotes.
func cutOptions(line string) (options, rest string, ok bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '"':
			i++
		case line[i] == '"':
			quoted = !quoted
		case !quoted && (line[i] == ' ' || line[i] == '\t'):
			return line[:i], strings.TrimLeft(line[i:], " \t"), true
		}
	}
	return line, "", !quoted
}

// parseKey parses a type, a key in base64 and a comment. The type inside of the
// key must be the same.
func parseKey(s string) (gossh.PublicKey, string, error) {
	typ, rest := cutField(s)
	encoded, comment := cutField(rest)
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || encoded == "" {
		return nil, "", errNoKey
	}
	key, err := gossh.ParsePublicKey(blob)
	if err != nil || key.Type() != typ {
		return nil, "", errNoKey
	}
	return key, comment, nil
}

// cutField splits s before the first blanks.
func cutField(s string) (field, rest string) {
	at := strings.IndexAny(s, " \t")
	if at < 0 {
		return s, ""
	}
	return s[:at], strings.TrimLeft(s[at:], " \t")
}

// usable returns an error for a key that is too weak or too expensive to accept.
func usable(key gossh.PublicKey) error {
	if c, ok := key.(*gossh.Certificate); ok {
		key = c.Key
	}
	public, ok := key.(gossh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if k, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok {
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("an RSA key of %d bits; accepted are %d to %d", bits, minRSA, maxRSA)
		}
	}
	return nil
}

// sameKey reports whether two keys are the same.
func sameKey(a, b gossh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// matches reports whether the line is about a key, or about the CA of a
// certificate.
func (k *AuthorizedKey) matches(key gossh.PublicKey) bool {
	if k.Key == nil {
		return false
	}
	if c, ok := key.(*gossh.Certificate); ok {
		return sameKey(c.SignatureKey, k.Key)
	}
	return sameKey(key, k.Key)
}

// check returns what the line grants to a key that it matches.
func (k *AuthorizedKey) check(c *PublicKey, now time.Time) (Grant, error) {
	o := k.options
	if o == nil {
		o = &keyOptions{}
	}
	certificate, isCertificate := c.Key.(*gossh.Certificate)
	switch {
	case k.Err != nil:
		return Grant{}, k.Err
	case isCertificate && !o.authority:
		return Grant{}, k.refuse("the key is no cert-authority")
	case !isCertificate && o.authority:
		return Grant{}, k.refuse("the key is a cert-authority, which cannot log in itself")
	case o.expires != 0 && now.Unix() > o.expires:
		return Grant{}, k.refuse("the expiry-time is over")
	}
	if o.from != "" {
		if ok, err := matchFrom(o.from, c.Remote); err != nil || !ok {
			return Grant{}, k.refuse("the address of the client is not in the option from")
		}
	}
	grant := Grant{Restrictions: o.restrictions, NoTouch: o.noTouch, Source: k.Source}
	if !isCertificate {
		return grant, nil
	}
	return k.checkCertificate(certificate, o, c, grant, now)
}

// checkCertificate returns what a certificate of the authority may do.
func (k *AuthorizedKey) checkCertificate(certificate *gossh.Certificate, o *keyOptions, c *PublicKey, grant Grant, now time.Time) (Grant, error) {
	principals := o.principals
	if principals == nil {
		principals = []string{c.Username}
	}
	more, err := checkCertificate(certificate, principals, c.Remote, now)
	if err != nil {
		return Grant{}, k.refuse(text.TrimPrefix(err))
	}
	if grant.Restrictions, err = grant.Restrictions.And(more.Restrictions); err != nil {
		return Grant{}, k.refuse(text.TrimPrefix(err))
	}
	grant.NoTouch = grant.NoTouch && more.NoTouch
	return grant, nil
}

// refuse returns an error that matches ErrUnauthorized.
func (k *AuthorizedKey) refuse(why string) error {
	return &refusal{why: text.Line(k.Source) + ": " + why}
}
