package sftp

import (
	"bytes"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// connectTimeout bounds the set-up of a further connection.
const connectTimeout = 30 * time.Second

// pinned returns two copies of a target. The first one remembers the host key
// that its verifier accepts, and those of its jump hosts. The second one accepts
// only these, asks the user nothing and saves nothing. further is nil if it could
// not log in.
func pinned(to *client.Target) (first, further *client.Target) {
	one, two := *to, *to
	verify := to.Verify
	if verify == nil {
		verify = client.VerifyHostKey
	}
	var accepted []byte // belongs to the loop
	one.Verify = func(t *client.SSHClientTransport, ip string, key gossh.PublicKey, fingerprint string) deferred.Deferred[bool] {
		return verify(t, ip, key, fingerprint).OnValue(func(ok bool) {
			if ok {
				accepted = key.Marshal()
			}
		})
	}
	two.Verify = func(_ *client.SSHClientTransport, _ string, key gossh.PublicKey, _ string) deferred.Deferred[bool] {
		return deferred.Succeed(accepted != nil && bytes.Equal(key.Marshal(), accepted))
	}
	possible := quiet(&two)
	if jump := to.Options.Jump; jump != nil {
		if one.Options.Jump, two.Options.Jump = pinned(jump); two.Options.Jump == nil {
			possible = false
		}
	}
	if !possible {
		return &one, nil
	}
	return &one, &two
}

// quiet makes a target log in without questions. It returns false if there is no
// way to do so.
func quiet(to *client.Target) bool {
	o := &to.Options
	o.BatchMode, o.UI, o.Progress, o.ForwardAgent = true, mute{}, nil, false
	if o.Timeout <= 0 || o.Timeout > connectTimeout {
		o.Timeout = connectTimeout
	}
	if to.Auth == nil && o.Password != "" {
		return true
	}
	possible := len(o.Methods) == 0 || slices.Contains(o.Methods, "publickey")
	o.Methods = []string{"publickey"}
	return possible
}

// mute is a client.UI without a user.
type mute struct{}

func (mute) Prompt(string) deferred.Deferred[bool] { return deferred.Succeed(false) }

func (mute) ReadLine(string, bool) deferred.Deferred[string] {
	return deferred.Fail[string](client.ErrUnavailable)
}

func (mute) Warn(string) {}
