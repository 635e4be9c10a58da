package cred

import (
	"time"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// CertificateChecker is a Checker of certificates whose authorities are trusted
// for all users, as TrustedUserCAKeys of sshd are. Its fields must not be changed
// while it is used.
type CertificateChecker struct {
	// Authorities sign certificates of users.
	Authorities []gossh.PublicKey

	// Principals fires with the names of which a certificate must have one, to
	// log in as a user, like AuthorizedPrincipalsFile of sshd. nil means the
	// name of the user.
	Principals func(username string) deferred.Deferred[[]string]

	// Revoked has keys, authorities and certificates that are refused. It may be
	// nil.
	Revoked *RevokedKeys

	// Now is the time for certificates. nil means time.Now.
	Now func() time.Time
}

// Kinds returns KindPublicKey.
func (*CertificateChecker) Kinds() []Kind { return []Kind{KindPublicKey} }

// RequestAvatarID implements Checker. It fires with the user name. A certificate
// without principals is refused.
func (s *CertificateChecker) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	p, ok := c.(*PublicKey)
	if !ok {
		return deferred.Fail[string](ErrUnhandled)
	}
	certificate, ok := p.Key.(*gossh.Certificate)
	if !ok || !s.trusts(certificate.SignatureKey) {
		return deferred.Fail[string](ErrUnauthorized)
	}
	if err := s.Revoked.check(certificate); err != nil {
		return deferred.Fail[string](err)
	}
	return deferred.ThenDeferred(s.principals(p.Username), func(names []string) deferred.Deferred[string] {
		grant, err := checkCertificate(certificate, names, p.Remote, now(s.Now))
		if err != nil {
			return deferred.Fail[string](err)
		}
		grant.Source = "CA " + gossh.FingerprintSHA256(certificate.SignatureKey)
		return p.accept(grant)
	})
}

func (s *CertificateChecker) trusts(key gossh.PublicKey) bool {
	for _, authority := range s.Authorities {
		if sameKey(authority, key) {
			return true
		}
	}
	return false
}

func (s *CertificateChecker) principals(username string) deferred.Deferred[[]string] {
	if s.Principals == nil {
		return deferred.Succeed([]string{username})
	}
	return s.Principals(username)
}
