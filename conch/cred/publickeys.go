package cred

import (
	"errors"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// AuthorizedKeysDB has the public keys of users. It is Twisted's
// IAuthorizedKeysDB.
type AuthorizedKeysDB interface {
	// GetAuthorizedKeys fires with the keys that may log in as a user, and with
	// lines that cannot be used. It fails with ErrUnknownUser if there is no
	// such user.
	GetAuthorizedKeys(username string) deferred.Deferred[[]*AuthorizedKey]
}

// InMemorySSHKeyDB is an AuthorizedKeysDB in memory. It is Twisted's
// InMemorySSHKeyDB.
type InMemorySSHKeyDB map[string][]*AuthorizedKey

// GetAuthorizedKeys implements AuthorizedKeysDB.
func (db InMemorySSHKeyDB) GetAuthorizedKeys(username string) deferred.Deferred[[]*AuthorizedKey] {
	keys, ok := db[username]
	if !ok {
		return deferred.Fail[[]*AuthorizedKey](ErrUnknownUser)
	}
	return deferred.Succeed(keys)
}

// ParseAuthorizedKeys parses the content of an authorized_keys file. source is
// its name, for logs and errors. Lines that cannot be used have an Err.
func ParseAuthorizedKeys(content []byte, source string) (all []*AuthorizedKey) {
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		if k := ParseAuthorizedKey(line, lineOf(source, n)); k != nil {
			all = append(all, k)
		}
	}
	return all
}

// SSHPublicKeyChecker is a Checker of public keys, and of certificates whose
// authority is in a line with the option cert-authority. It is Twisted's
// SSHPublicKeyChecker. Its fields must not be changed while it is used.
type SSHPublicKeyChecker struct {
	DB AuthorizedKeysDB

	// Revoked has keys that are refused whatever the DB says. It may be nil.
	Revoked *RevokedKeys

	// Now is the time for expiry-time and for certificates. nil means time.Now.
	Now func() time.Time
}

// NewSSHPublicKeyChecker returns a checker of the keys in a database.
func NewSSHPublicKeyChecker(db AuthorizedKeysDB) *SSHPublicKeyChecker {
	return &SSHPublicKeyChecker{DB: db}
}

// Kinds returns KindPublicKey.
func (*SSHPublicKeyChecker) Kinds() []Kind { return []Kind{KindPublicKey} }

// RequestAvatarID implements Checker. It fires with the user name. The first
// line with the key that grants the login counts. A key that is only offered
// gets the same answer as a key that is proved.
func (s *SSHPublicKeyChecker) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	p, ok := c.(*PublicKey)
	if !ok {
		return deferred.Fail[string](ErrUnhandled)
	}
	if err := s.Revoked.check(p.Key); err != nil {
		return deferred.Fail[string](err)
	}
	return deferred.ThenDeferred(s.DB.GetAuthorizedKeys(p.Username), func(all []*AuthorizedKey) deferred.Deferred[string] {
		grant, err := findKey(all, p, now(s.Now))
		if err != nil {
			return deferred.Fail[string](err)
		}
		return p.accept(grant)
	})
}

func now(clock func() time.Time) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock()
}

// maxReasons is the number of lines that the error of a refused key explains.
const maxReasons = 4

// findKey returns the grant of the first line that lets the key log in. The
// error has the reasons of lines with the key, and of lines without any key.
func findKey(all []*AuthorizedKey, p *PublicKey, now time.Time) (Grant, error) {
	if err := usable(p.Key); err != nil {
		return Grant{}, refuse(err.Error())
	}
	var reasons []error
	for _, k := range all {
		err := k.Err
		if k.matches(p.Key) {
			var grant Grant
			if grant, err = k.check(p, now); err == nil {
				return grant, nil
			}
		} else if k.Key != nil {
			continue
		}
		if len(reasons) < maxReasons {
			reasons = append(reasons, err)
		}
	}
	return Grant{}, notListed(reasons)
}

// notListed returns the error for a key that no line lets in.
func notListed(reasons []error) error {
	why := "the key is not authorized"
	for _, err := range reasons {
		if err != nil {
			why += "; " + text.TrimPrefix(err)
		}
	}
	return refuse(why)
}

// RevokedKeys are keys and certificates that must no longer be accepted. The nil
// list is empty.
type RevokedKeys struct {
	// Keys are keys, certified keys, and authorities.
	Keys []gossh.PublicKey

	// Certificates reports that a certificate is revoked, for instance because
	// of its serial number or key id. It may be nil.
	Certificates func(*gossh.Certificate) bool
}

// check returns an error if a key is revoked. Of a certificate it looks at the
// certificate, its key and its authority.
func (r *RevokedKeys) check(key gossh.PublicKey) error {
	if r == nil {
		return nil
	}
	if c, ok := key.(*gossh.Certificate); ok {
		if r.Certificates != nil && r.Certificates(c) {
			return refuse("the certificate is revoked")
		}
		if err := errors.Join(r.check(c.Key), r.check(c.SignatureKey)); err != nil {
			return refuse("the key or the authority of the certificate is revoked")
		}
	}
	for _, revoked := range r.Keys {
		if sameKey(revoked, key) {
			return refuse("the key is revoked")
		}
	}
	return nil
}
