package agent_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// start runs a reactor until the end of the test, which fails if goroutines are
// left behind.
func start(t testing.TB) *reactor.Reactor {
	t.Helper()
	reactortest.CheckGoroutines(t)
	return reactortest.Start(t, reactor.Options{})
}

// await runs f on the loop and waits for its result.
func await[T any](t testing.TB, r *reactor.Reactor, f func() deferred.Deferred[T]) (T, error) {
	t.Helper()
	return reactor.Await(t.Context(), r, f)
}

// must is await for results that are no errors.
func must[T any](t testing.TB, r *reactor.Reactor, f func() deferred.Deferred[T]) T {
	t.Helper()
	v, err := await(t, r, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// onLoop runs f on the loop and waits for its end.
func onLoop(t testing.TB, r *reactor.Reactor, f func()) {
	t.Helper()
	must(t, r, func() deferred.Deferred[deferred.Void] {
		f()
		return deferred.Succeed(deferred.Void{})
	})
}

// client returns a client on conn, which the end of the test closes.
func client(t testing.TB, r *reactor.Reactor, conn net.Conn) *agent.SSHAgentClient {
	t.Helper()
	var c *agent.SSHAgentClient
	onLoop(t, r, func() { c = agent.NewSSHAgentClient(r, conn) })
	t.Cleanup(func() { r.CallFromThread(c.Close) })
	return c
}

// scripted returns a client of an agent that is the function. The connection is
// closed when the function returns.
func scripted(t testing.TB, r *reactor.Reactor, script func(conn net.Conn)) *agent.SSHAgentClient {
	t.Helper()
	here, there := net.Pipe()
	var running sync.WaitGroup
	running.Go(func() { // ends with the script
		defer there.Close()
		script(there)
	})
	t.Cleanup(func() {
		here.Close()
		running.Wait()
	})
	return client(t, r, here)
}

// readMessage reads a message, type and body.
func readMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	p := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(r, p)
	return p, err
}

// replies answers each request with the same message.
func replies(message string) func(net.Conn) {
	return func(conn net.Conn) {
		for {
			if _, err := readMessage(conn); err != nil {
				return
			}
			if _, err := conn.Write(frame(message)); err != nil {
				return
			}
		}
	}
}

// frame puts the length before a message.
func frame(message string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

// testKeys are keys of each kind that an agent takes, RSA first and Ed25519
// last.
var testKeys = sync.OnceValue(func() []*keys.Key {
	var all []*keys.Key
	for _, kind := range []struct {
		typ  keys.Type
		bits int
	}{{keys.RSA, 2048}, {keys.EC, 256}, {keys.EC, 384}, {keys.EC, 521}, {keys.Ed25519, 0}} {
		k, err := keys.Generate(kind.typ, kind.bits)
		if err != nil {
			panic(err)
		}
		all = append(all, k)
	}
	return all
})

// ed25519 is the cheapest of testKeys.
func ed25519() *keys.Key { return testKeys()[4] }

// certify makes a certificate of the key.
func certify(t testing.TB, k *keys.Key) *gossh.Certificate {
	t.Helper()
	authority, err := ed25519().Signer()
	if err != nil {
		t.Fatal(err)
	}
	c := &gossh.Certificate{Key: k.PublicKey(), CertType: gossh.UserCert, KeyId: "id", ValidPrincipals: []string{"user"}, ValidBefore: gossh.CertTimeInfinity}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return c
}

func has(identities []agent.Identity, key gossh.PublicKey, comment string) bool {
	return slices.ContainsFunc(identities, func(i agent.Identity) bool {
		return bytes.Equal(i.Key.Marshal(), key.Marshal()) && i.Comment == comment
	})
}

// mustBe checks that an error is an OpError of a request with a cause.
func mustBe(t testing.TB, err error, op string, cause error) {
	t.Helper()
	e, ok := errors.AsType[*agent.OpError](err)
	if !ok || e.Op != op || !errors.Is(err, cause) {
		t.Errorf("error %v, want one of %q that wraps %v", err, op, cause)
	}
}
