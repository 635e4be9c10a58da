package server

import (
	"errors"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// maxPassword is the length of the longest password that hooks get to see, in
// bytes.
const maxPassword = 1 << 10

// noTouchRequired is an extension of certificates, and of the Permissions of a
// key.
const noTouchRequired = "no-touch-required"

// The methods of this file are the callbacks of x/crypto/ssh. They run on the
// handshake goroutine.

func (a *authentication) banner(meta gossh.ConnMetadata) string {
	c := claimOf(meta)
	banner, err := await(a, func() deferred.Deferred[string] {
		if err := a.identify(c); err != nil {
			return deferred.Fail[string](err)
		}
		return a.ask(func() deferred.Deferred[string] { return a.t.auth.Banner() })
	})
	if err != nil {
		return ""
	}
	return cleanBanner(banner)
}

// maxBanner is the length of the longest banner, in bytes.
const maxBanner = 8 << 10

// cleanBanner returns a banner with the line ends of the protocol (RFC 4252,
// section 5.4).
func cleanBanner(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxBanner)], "")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

func (a *authentication) none(meta gossh.ConnMetadata) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "none", nil, func() deferred.Deferred[string] { return a.t.auth.AuthNone() })
	})
}

func (a *authentication) password(meta gossh.ConnMetadata, password []byte) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "password", nil, func() deferred.Deferred[string] {
			switch {
			case len(password) > maxPassword:
				return deferred.Fail[string](errTooLong)
			case len(password) == 0 && !a.t.factory.PermitEmptyPasswords:
				return deferred.Fail[string](errNoPassword)
			}
			return a.t.auth.AuthPassword(string(password))
		})
	})
}

// offeredKey answers whether a key may be used. Anybody can offer any key, so it
// changes nothing. The Permissions only tell x/crypto/ssh whether the signature
// of a security key needs a touch.
func (a *authentication) offeredKey(meta gossh.ConnMetadata, key gossh.PublicKey) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		if err := a.start(c, "publickey", key); err != nil {
			return deferred.Fail[permissions](err)
		}
		return a.padded(deferred.Then(a.ask(func() deferred.Deferred[string] {
			if a.used(key) {
				return deferred.Fail[string](errKeyUsed)
			}
			return a.t.auth.AuthPublicKey(key, false)
		}), func(string) (permissions, error) {
			a.attempt.Result = AuthPostponed
			a.log(nil)
			return a.touch(key, nil)
		}))
	})
}

// provenKey is called with a key that the client has proved to hold.
func (a *authentication) provenKey(meta gossh.ConnMetadata, key gossh.PublicKey, offered permissions, _ string) (permissions, error) {
	c := claimOf(meta)
	return await(a, func() answer {
		return a.judge(c, "publickey", key, func() deferred.Deferred[string] {
			if a.used(key) {
				return deferred.Fail[string](errKeyUsed)
			}
			return deferred.Then(a.t.auth.AuthPublicKey(key, true), func(id string) (string, error) {
				_, err := a.touch(key, offered)
				return id, err
			})
		})
	})
}

// touch returns the Permissions for a key that has been granted. It fails if
// x/crypto/ssh accepts, or with the Permissions of the offered key has accepted,
// a signature without a touch of the security key although the grant demands
// it.
func (a *authentication) touch(key gossh.PublicKey, offered permissions) (permissions, error) {
	if !strings.HasPrefix(plain(key).Type(), "sk-") {
		return &gossh.Permissions{}, nil
	}
	if a.grant.NoTouch {
		return &gossh.Permissions{Extensions: map[string]string{noTouchRequired: ""}}, nil
	}
	waived := false
	if offered != nil {
		_, waived = offered.Extensions[noTouchRequired]
	}
	if certificate, ok := key.(*gossh.Certificate); ok && !waived {
		_, waived = certificate.Extensions[noTouchRequired]
	}
	if waived {
		return nil, errTouch
	}
	return &gossh.Permissions{}, nil
}

// used reports whether a key, or a certificate of the key, has been proved
// before.
func (a *authentication) used(key gossh.PublicKey) bool {
	return slices.ContainsFunc(a.t.login.Keys, func(other gossh.PublicKey) bool {
		return string(plain(other).Marshal()) == string(plain(key).Marshal())
	})
}

// plain returns the key of a certificate.
func plain(key gossh.PublicKey) gossh.PublicKey {
	if certificate, ok := key.(*gossh.Certificate); ok {
		return certificate.Key
	}
	return key
}

// logAttempt is called after each attempt, but not after an offered key that may
// be used.
func (a *authentication) logAttempt(meta gossh.ConnMetadata, method string, err error) {
	c := claimOf(meta)
	a.t.Reactor().CallFromThread(func() {
		if a.attempt == nil && a.start(c, method, nil) != nil {
			return
		}
		a.log(err)
	})
}

// log passes an attempt to the hook.
func (a *authentication) log(err error) {
	at := a.attempt
	a.attempt = nil
	_, partial := errors.AsType[*gossh.PartialSuccessError](err)
	switch {
	case at.Result == AuthPostponed:
	case err == nil:
		at.Result = AuthAccepted
	case partial:
		at.Result = AuthPartial
	default:
		at.Result, at.Err, at.cutOff = AuthFailed, err, a.life.Err() != nil
		at.UnknownUser = errors.Is(err, cred.ErrUnknownUser)
		a.t.outcome.unknownUser = a.t.outcome.unknownUser || at.UnknownUser
		if at.Method != "none" {
			a.fails++
		}
	}
	if at.Result != AuthFailed {
		at.Source = a.grant.Source
	}
	at.Failures = a.fails
	at.Elapsed = a.t.Reactor().Now().Sub(at.began)
	a.t.guard("AuthLog", func() { a.t.auth.AuthLog(at) })
}
