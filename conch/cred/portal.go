package cred

import (
	"errors"
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// Checker judges credentials. It is Twisted's ICredentialsChecker.
type Checker interface {
	// Kinds returns the kinds of credentials that the checker can judge.
	Kinds() []Kind

	// RequestAvatarID fires with the id of the avatar, usually the user name.
	// It fails with an error that matches ErrUnauthorized if the credentials
	// are not accepted. Any other error refuses them as well, and is logged.
	RequestAvatarID(c Credentials) deferred.Deferred[string]
}

// Realm makes avatars. It is Twisted's IRealm.
type Realm[A any] interface {
	// RequestAvatar fires with the avatar of that id. mind is what the protocol
	// tells about the client: a *server.Login for SSH.
	RequestAvatar(id string, mind any) deferred.Deferred[A]
}

// Portal is where logins of one kind of avatar are decided. It is Twisted's
// Portal.
type Portal[A any] struct {
	realm    Realm[A]
	checkers []Checker
}

// NewPortal returns a portal to a realm.
func NewPortal[A any](realm Realm[A], checkers ...Checker) *Portal[A] {
	return &Portal[A]{realm: realm, checkers: slices.Clone(checkers)}
}

// RegisterChecker adds a checker. Checkers are asked in the order of their
// registration, until one accepts the credentials.
func (p *Portal[A]) RegisterChecker(c Checker) { p.checkers = append(p.checkers, c) }

// Kinds returns the kinds of credentials that some checker judges, in the order
// of registration.
func (p *Portal[A]) Kinds() (kinds []Kind) {
	for _, c := range p.checkers {
		for _, kind := range c.Kinds() {
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// Login judges credentials, and fires with the avatar. It fails with
// ErrUnhandled if no checker judges the kind, and otherwise with the error that
// tells most among those of the checkers, or with that of the realm.
func (p *Portal[A]) Login(c Credentials, mind any) deferred.Deferred[A] {
	return deferred.ThenDeferred(p.RequestAvatarID(c), func(id string) deferred.Deferred[A] {
		return p.RequestAvatar(id, mind)
	})
}

// RequestAvatarID is the first half of Login.
func (p *Portal[A]) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	return p.ask(p.checkers, c, ErrUnhandled)
}

// ask asks one checker after the other. failed is the error if none is left.
func (p *Portal[A]) ask(checkers []Checker, c Credentials, failed error) deferred.Deferred[string] {
	next := slices.IndexFunc(checkers, func(one Checker) bool { return slices.Contains(one.Kinds(), c.Kind()) })
	if next < 0 {
		return deferred.Fail[string](failed)
	}
	answer := deferred.MaybeDeferred(func() deferred.Deferred[string] { return checkers[next].RequestAvatarID(c) })
	if answer == (deferred.Deferred[string]{}) {
		answer = deferred.Fail[string](ErrUnauthorized)
	}
	return deferred.ThenBothDeferred(answer, func(id string, err error) deferred.Deferred[string] {
		if err == nil || errors.Is(err, deferred.ErrCancelled) {
			return result(id, err)
		}
		if weight(err) < weight(failed) {
			err = failed
		}
		return p.ask(checkers[next+1:], c, err)
	})
}

func result(id string, err error) deferred.Deferred[string] {
	if err != nil {
		return deferred.Fail[string](err)
	}
	return deferred.Succeed(id)
}

// RequestAvatar is the second half of Login.
func (p *Portal[A]) RequestAvatar(id string, mind any) deferred.Deferred[A] {
	return p.realm.RequestAvatar(id, mind)
}
