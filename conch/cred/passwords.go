package cred

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"

	"github.com/hawser-go/hawser/deferred"
)

// memory is a checker of passwords in memory.
type memory struct{ passwords map[string][sha256.Size]byte }

// InMemory returns a checker that accepts the password of each user, in clear
// text. It is for tests and for passwords that are made at random. A user
// without a password cannot log in. It is Twisted's
// InMemoryUsernamePasswordDatabaseDontUse.
func InMemory(passwords map[string]string) Checker {
	m := memory{make(map[string][sha256.Size]byte)}
	for user, password := range maps.All(passwords) {
		if password != "" {
			m.passwords[user] = sha256.Sum256([]byte(password))
		}
	}
	return m
}

// Kinds returns KindPassword.
func (m memory) Kinds() []Kind { return []Kind{KindPassword} }

// RequestAvatarID implements Checker. It takes as long for a user that does not
// exist.
func (m memory) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	p, ok := c.(*UsernamePassword)
	if !ok {
		return deferred.Fail[string](ErrUnhandled)
	}
	want, known := m.passwords[p.Username]
	got := sha256.Sum256([]byte(p.Password))
	same := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	switch {
	case !known:
		return deferred.Fail[string](ErrUnknownUser)
	case !same:
		return deferred.Fail[string](ErrUnauthorized)
	}
	return deferred.Succeed(p.Username)
}
