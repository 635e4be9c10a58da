package client_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// TestF25_Verifier: true accepts the key, false and an error refuse the key.
// The verifier can read the options and the host: C-CLIENT-21, C-CLIENT-22.
func TestF25_Verifier(t *testing.T) {
	failure := errors.New("no")
	for name, row := range map[string]struct {
		verdict deferred.Deferred[bool]
		want    error
	}{
		"true":    {deferred.Succeed(true), nil},
		"false":   {deferred.Succeed(false), client.ErrHostKeyRefused},
		"failure": {deferred.Fail[bool](failure), failure},
	} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			a := newAttempt(t)
			host, port, timeout := "", 0, time.Duration(0)
			a.verify = func(t *client.SSHClientTransport, _ string, _ gossh.PublicKey, _ string) deferred.Deferred[bool] {
				host, port = t.HostPort()
				timeout = t.Options().Timeout
				return row.verdict
			}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
			if !errors.Is(err, row.want) || host != "127.0.0.1" || port != a.to.Port || timeout != a.to.Options.Timeout {
				t.Errorf("got %q, %d, %v, %v", host, port, timeout, err)
			}
			bad, ok := errors.AsType[*conch.ConchError](err)
			if failed, also := errors.AsType[*client.ConnectError](err); err != nil &&
				(!ok || !also || failed.Phase != client.PhaseHostKey || bad.Data != conch.DisconnectHostKeyNotVerifiable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestConnection_Once: Transport is nil before the service has started. A
// connection object can be used once: C-CONN-3, C-CONN-4.
func TestConnection_Once(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := &sshtest.PlainConnection{}
	if conn.Transport() != nil {
		t.Error("there is a transport before there is one")
	}
	var inside *conch.SSHTransport
	conn.Started = func() { inside = conn.Transport() }
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); err != nil || inside == nil {
		t.Errorf("got %v, %v", inside, err)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); err == nil {
		t.Error("the connection object was used twice")
	}
}

// TestAuth_Order: only the listed methods are tried, in the order of the list:
// C-AUTH-4, C-AUTH-8.
func TestAuth_Order(t *testing.T) {
	for _, row := range []struct {
		order []string
		want  string
	}{
		{nil, "key answers password"},
		{[]string{"keyboard-interactive", "password", "publickey"}, "answers password key"},
		{[]string{"password", "keyboard-interactive"}, "password answers"},
	} {
		t.Run(row.want, func(t *testing.T) {
			r := sshtest.Start(t)
			_, to := sshtest.Embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				c.KeyboardInteractiveCallback = func(gossh.ConnMetadata, gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
					return nil, io.EOF
				}
			}})
			var tried []string
			a := &hookedAuth{DefaultAuthClient: *client.NewDefaultAuthClient(to.User, &sshtest.PlainConnection{})}
			to.Options.Methods = row.order
			a.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				tried = append(tried, "key")
				return deferred.Succeed[gossh.PublicKey](nil)
			}
			a.password = func() deferred.Deferred[string] {
				tried = append(tried, "password")
				return deferred.Fail[string](client.ErrUnavailable)
			}
			_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
				return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, a)
			})
			if err == nil || !strings.Contains(err.Error(), "tried keyboard-interactive") {
				t.Errorf("got %v", err)
			}
			want := slices.DeleteFunc(strings.Fields(row.want), func(m string) bool { return m == "answers" })
			var first []string // methods in the order of their first attempts
			for _, m := range tried {
				if !slices.Contains(first, m) {
					first = append(first, m)
				}
			}
			if !slices.Equal(first, want) {
				t.Errorf("tried %q, want %q", first, want)
			}
		})
	}
}

// TestAuth_KeyTypes logs in with RSA and ECDSA keys. RSA uses SHA-2: C-AUTH-10,
// C-AUTH-11, C-AUTH-22.
func TestAuth_KeyTypes(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey, "ecdsa": ecdsaKey} {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			file := filepath.Join(t.TempDir(), "id")
			block, err := gossh.MarshalPrivateKey(key, "")
			if err != nil {
				t.Fatal(err)
			}
			public, err := gossh.NewPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(public), 0o600); err != nil {
				t.Fatal(err)
			}
			_, to := sshtest.OpenSSH(t, "AuthorizedKeysFile "+file+".pub")
			to.Options.Identities = []string{file}
			sshtest.Connect(t, r, to)
		})
	}
}
