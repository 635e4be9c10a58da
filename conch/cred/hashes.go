package cred

import (
	"fmt"
	"runtime"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// PasswordHashes is a Checker of passwords whose hashes it has. It hashes in the
// reactor's threads, in as many at once as there are processors.
type PasswordHashes struct {
	hashes map[string]*passwordHash
	usual  *passwordHash
	verify *verifier
}

// NewPasswordHashes returns a checker for the users of a map. The hashes are in
// the formats of crypt(3) that /etc/shadow has: yescrypt ($y$), SHA-512 ($6$),
// SHA-256 ($5$), bcrypt ($2b$) and MD5 ($1$). "mkpasswd" and "openssl passwd"
// make them. Any other hash is an error.
func NewPasswordHashes(r *reactor.Reactor, hashes map[string]string) (*PasswordHashes, error) {
	p := &PasswordHashes{make(map[string]*passwordHash), nil, newVerifier(r)}
	var all []*passwordHash
	for user, s := range hashes {
		h, err := parseHash(s)
		if err != nil {
			return nil, fmt.Errorf("cred: user %s: %s", text.Quote(user), text.TrimPrefix(err))
		}
		p.hashes[user] = h
		all = append(all, h)
	}
	p.usual = usual(all)
	return p, nil
}

// Kinds returns KindPassword.
func (p *PasswordHashes) Kinds() []Kind { return []Kind{KindPassword} }

// RequestAvatarID implements Checker. It fires with the user name. It takes as
// long for a user that does not exist.
func (p *PasswordHashes) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	return p.verify.password(c, func(user string) account {
		h, ok := p.hashes[user]
		if !ok {
			return account{hash: p.usual, refused: ErrUnknownUser}
		}
		return account{hash: h}
	})
}

// account is what is known about a user who logs in with a password.
type account struct {
	hash    *passwordHash // to compare with, also if the user has none
	refused error         // why the user cannot log in, whatever the password
	expired error         // why a user with the right password cannot log in
}

// verifier compares passwords with hashes in threads.
type verifier struct {
	r       *reactor.Reactor
	threads *deferred.Semaphore // a hash takes a processor and some megabytes
}

func newVerifier(r *reactor.Reactor) *verifier {
	return &verifier{r, deferred.NewSemaphore(runtime.GOMAXPROCS(0))}
}

// maxPassword is the length of the longest password that is hashed, in bytes.
// Some hashes take much longer for a long password.
const maxPassword = 1 << 10

// password judges a password. find runs in a thread.
func (v *verifier) password(c Credentials, find func(user string) account) deferred.Deferred[string] {
	p, ok := c.(*UsernamePassword)
	if !ok {
		return deferred.Fail[string](ErrUnhandled)
	}
	if len(p.Password) > maxPassword {
		return deferred.Fail[string](ErrUnauthorized)
	}
	judge := func() (string, error) {
		a := find(p.Username)
		matches := a.hash.matches(p.Password)
		switch {
		case a.refused != nil:
			return "", a.refused
		case !matches:
			return "", ErrUnauthorized
		case a.expired != nil:
			return "", a.expired
		}
		return p.Username, nil
	}
	return deferred.ThenDeferred(v.threads.Acquire(), func(*deferred.Semaphore) deferred.Deferred[string] { return v.inThread(judge) })
}

// inThread runs judge in a thread, and gives the thread back when judge has
// returned, even if nobody waits for the result any more.
func (v *verifier) inThread(judge func() (string, error)) deferred.Deferred[string] {
	d := deferred.New[string]()
	err := v.r.CallInThread(func() {
		var id string
		err := ErrUnauthorized
		if panicked := hook.Call(func() { id, err = judge() }); panicked != nil {
			err = panicked
		}
		v.r.CallFromThread(func() {
			v.threads.Release()
			if err != nil {
				_ = d.TryErrback(err) // it may have been cancelled
			} else {
				_ = d.TryCallback(id)
			}
		})
	})
	if err != nil {
		v.threads.Release()
		return deferred.Fail[string](err)
	}
	return d
}
