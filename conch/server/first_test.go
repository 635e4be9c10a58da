package server_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

type realm struct{ logins chan *server.Login }

func (r realm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	r.logins <- mind.(*server.Login)
	return deferred.Succeed[server.Avatar](&server.ConchUser{})
}

type keyDB map[string]gossh.PublicKey

func (keyDB) Kinds() []cred.Kind { return []cred.Kind{cred.KindPublicKey} }

func (db keyDB) RequestAvatarID(c cred.Credentials) deferred.Deferred[string] {
	p := c.(*cred.PublicKey)
	if known := db[p.Username]; known != nil && bytes.Equal(known.Marshal(), p.Key.Marshal()) {
		return deferred.Succeed(p.Username)
	}
	return deferred.Fail[string](cred.ErrUnauthorized)
}

func rawKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newKey(t *testing.T) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listen(t *testing.T, r *reactor.Reactor, f *server.SSHFactory) string {
	t.Helper()
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		port, err := r.ListenTCP(0, f, reactor.ListenOptions{Interface: "127.0.0.1"})
		if err != nil {
			return deferred.Fail[reactor.ListeningPort](err)
		}
		return deferred.Succeed(port)
	})
	if err != nil {
		t.Fatal(err)
	}
	return port.GetHost().String()
}

func TestLogin(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	user := newKey(t)
	logins := make(chan *server.Login, 4)
	portal := cred.NewPortal(realm{logins}, cred.InMemory(map[string]string{"alice": "secret"}), keyDB{"alice": user.PublicKey()})
	addr := listen(t, r, &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{newKey(t)}})
	for _, c := range []struct {
		name string
		user string
		auth gossh.AuthMethod
		ok   bool
	}{
		{"password", "alice", gossh.Password("secret"), true},
		{"wrong password", "alice", gossh.Password("wrong"), false},
		{"unknown user", "bob", gossh.Password("secret"), false},
		{"key", "alice", gossh.PublicKeys(user), true},
		{"wrong key", "alice", gossh.PublicKeys(newKey(t)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{User: c.user, Auth: []gossh.AuthMethod{c.auth}, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
			if (err == nil) != c.ok {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			defer conn.Close()
			if login := <-logins; login.User != c.user {
				t.Error(login)
			}
			_, _, err = conn.OpenChannel("session", nil)
			if refused, ok := errors.AsType[*gossh.OpenChannelError](err); !ok || refused.Reason != gossh.UnknownChannelType {
				t.Error(err)
			}
		})
	}
}
