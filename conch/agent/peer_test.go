package agent_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// socketPath returns a path short enough for a socket.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// startAgent runs an ssh-agent until the end of the test and returns its
// socket.
func startAgent(t testing.TB) string {
	t.Helper()
	socket := socketPath(t)
	cmd := exec.Command(conchtest.Program(t, "ssh-agent"), "-D", "-a", socket)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // it names its socket when it listens
		t.Fatal(err)
	}
	return socket
}

// peers are the agents that the client is tried with.
var peers = map[string]func(*testing.T, *reactor.Reactor) *agent.SSHAgentClient{
	"ssh-agent": func(t *testing.T, r *reactor.Reactor) *agent.SSHAgentClient {
		t.Setenv("SSH_AUTH_SOCK", startAgent(t))
		c := must(t, r, func() deferred.Deferred[*agent.SSHAgentClient] { return agent.Connect(r, "") })
		t.Cleanup(func() { r.CallFromThread(c.Close) })
		return c
	},
	"x-crypto": func(t *testing.T, r *reactor.Reactor) *agent.SSHAgentClient {
		return scripted(t, r, func(conn net.Conn) { _ = xagent.ServeAgent(xagent.NewKeyring(), conn) }) // until it is closed
	},
	"hawser": func(t *testing.T, r *reactor.Reactor) *agent.SSHAgentClient {
		conn, _ := serve(t, r, agent.NewKeyring())
		return client(t, r, conn)
	},
	"hawser, over a socket": func(t *testing.T, r *reactor.Reactor) *agent.SSHAgentClient {
		socket := listen(t, r, agent.NewKeyring())
		c := must(t, r, func() deferred.Deferred[*agent.SSHAgentClient] { return agent.Connect(r, socket) })
		t.Cleanup(func() { r.CallFromThread(c.Close) })
		return c
	},
}

func forEachPeer(t *testing.T, test func(t *testing.T, r *reactor.Reactor, c *agent.SSHAgentClient)) {
	for name, connect := range peers {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			test(t, r, connect(t, r))
		})
	}
}

func TestC_KEYS_20_Peers(t *testing.T) {
	forEachPeer(t, func(t *testing.T, r *reactor.Reactor, c *agent.SSHAgentClient) {
		for _, k := range testKeys() {
			certificate := certify(t, k)
			must(t, r, func() deferred.Deferred[deferred.Void] {
				return c.AddIdentity(k, agent.AddOptions{Comment: "alone"})
			})
			must(t, r, func() deferred.Deferred[deferred.Void] {
				return c.AddIdentity(k, agent.AddOptions{Comment: "with certificate", Certificate: certificate, Lifetime: time.Hour})
			})
			identities := must(t, r, c.RequestIdentities)
			if !has(identities, k.PublicKey(), "alone") || !has(identities, certificate, "with certificate") {
				t.Errorf("%v is not held", k)
			}
			for _, algorithm := range append(k.SupportedSignatureAlgorithms(), "") {
				for _, public := range []gossh.PublicKey{k.PublicKey(), certificate} {
					signature := must(t, r, func() deferred.Deferred[*gossh.Signature] {
						return c.SignData(public, []byte("data"), algorithm)
					})
					if err := k.PublicKey().Verify([]byte("data"), signature); err != nil || algorithm != "" && signature.Format != algorithm {
						t.Errorf("%v, %s: %v", k, algorithm, err)
					}
				}
			}
		}
		if offered := must(t, r, c.GetPublicKeys); len(offered) != 2*len(testKeys()) { // C-KEYS-21
			t.Errorf("%d keys are offered", len(offered))
		}
		first := testKeys()[0].PublicKey()
		must(t, r, func() deferred.Deferred[deferred.Void] { return c.RemoveIdentity(first) })
		_, err := await(t, r, func() deferred.Deferred[*gossh.Signature] { return c.SignData(first, nil, "") })
		mustBe(t, err, "sign", agent.ErrRefused)
		must(t, r, c.RemoveAllIdentities)
		if identities := must(t, r, c.RequestIdentities); len(identities) != 0 {
			t.Errorf("%d keys are left", len(identities))
		}
	})
}

func TestC_KEYS_20_PeersLock(t *testing.T) {
	forEachPeer(t, func(t *testing.T, r *reactor.Reactor, c *agent.SSHAgentClient) {
		k := ed25519()
		must(t, r, func() deferred.Deferred[deferred.Void] { return c.AddIdentity(k, agent.AddOptions{}) })
		must(t, r, func() deferred.Deferred[deferred.Void] { return c.Lock([]byte("pass")) })
		if identities := must(t, r, c.RequestIdentities); len(identities) != 0 {
			t.Errorf("locked, and lists %d", len(identities))
		}
		_, err := await(t, r, func() deferred.Deferred[*gossh.Signature] { return c.SignData(k.PublicKey(), nil, "") })
		mustBe(t, err, "sign", agent.ErrRefused)
		_, err = await(t, r, func() deferred.Deferred[deferred.Void] { return c.Unlock([]byte("wrong")) })
		mustBe(t, err, "unlock", agent.ErrRefused)
		must(t, r, func() deferred.Deferred[deferred.Void] { return c.Unlock([]byte("pass")) })
		if identities := must(t, r, c.RequestIdentities); len(identities) != 1 {
			t.Errorf("unlocked, and lists %d", len(identities))
		}
	})
}

func TestC_KEYS_20_PeersExtension(t *testing.T) {
	forEachPeer(t, func(t *testing.T, r *reactor.Reactor, c *agent.SSHAgentClient) {
		_, err := await(t, r, func() deferred.Deferred[[]byte] { return c.Extension("no-such@example.com", []byte("x")) })
		mustBe(t, err, `extension "no-such@example.com"`, agent.ErrRefused)
		must(t, r, c.RequestIdentities)
	})
}

func TestC_KEYS_20_PeersManyRequests(t *testing.T) {
	forEachPeer(t, func(t *testing.T, r *reactor.Reactor, c *agent.SSHAgentClient) {
		k := ed25519()
		must(t, r, func() deferred.Deferred[deferred.Void] { return c.AddIdentity(k, agent.AddOptions{}) })
		signatures := must(t, r, func() deferred.Deferred[[]*gossh.Signature] {
			all := make([]deferred.Deferred[*gossh.Signature], 200)
			for i := range all {
				all[i] = c.SignData(k.PublicKey(), []byte{byte(i)}, "")
			}
			return deferred.Gather(all)
		})
		for i, s := range signatures {
			if err := k.PublicKey().Verify([]byte{byte(i)}, s); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
	})
}

// TestC_KEYS_23_XCryptoClient: the client of x/crypto, which blocks, with our
// server.
func TestC_KEYS_23_XCryptoClient(t *testing.T) {
	r := start(t)
	conn, _ := serve(t, r, agent.NewKeyring())
	client := xagent.NewClient(conn)
	for _, k := range testKeys() {
		private, err := k.CryptoSigner()
		if err != nil {
			t.Fatal(err)
		}
		certificate := certify(t, k)
		alone := xagent.AddedKey{PrivateKey: private, Comment: "comment", LifetimeSecs: 3600}
		certified := xagent.AddedKey{PrivateKey: private, Certificate: certificate, Comment: "comment"}
		if err := errors.Join(client.Add(alone), client.Add(certified)); err != nil {
			t.Fatal(err)
		}
		for _, public := range []gossh.PublicKey{k.PublicKey(), certificate} {
			signature, err := client.Sign(public, []byte("data"))
			if err != nil {
				t.Fatal(err)
			}
			if err := k.PublicKey().Verify([]byte("data"), signature); err != nil {
				t.Error(err)
			}
		}
	}
	listed, err := client.List()
	if err != nil || len(listed) != 2*len(testKeys()) || listed[0].Comment != "comment" {
		t.Errorf("%v, %v", listed, err)
	}
	if _, err := client.Extension("query", nil); !errors.Is(err, xagent.ErrExtensionUnsupported) {
		t.Errorf("an extension: %v", err)
	}
	signers, err := client.Signers()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signers[0].(gossh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, []byte("data"), gossh.KeyAlgoRSASHA512); err != nil {
		t.Error(err)
	}
	if err := errors.Join(client.Lock([]byte("x")), client.Unlock([]byte("x")), client.Remove(testKeys()[0].PublicKey()), client.RemoveAll()); err != nil {
		t.Error(err)
	}
}

// listen serves a keyring on a socket until the end of the test.
func listen(t testing.TB, r *reactor.Reactor, ring *agent.Keyring) (socket string) {
	t.Helper()
	socket = socketPath(t)
	must(t, r, func() deferred.Deferred[deferred.Void] {
		factory := reactor.ForProtocol(func() reactor.Protocol { return agent.NewSSHAgentServer(r, ring) })
		if _, err := r.ListenUNIX(socket, factory, reactor.UNIXOptions{Mode: 0o600}); err != nil {
			return deferred.Fail[deferred.Void](err)
		}
		return deferred.Succeed(deferred.Void{})
	})
	return socket
}

// command runs ssh-add or ssh-keygen with the agent and returns its output.
func command(program, socket string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// held returns the keys of a keyring.
func held(t testing.TB, r *reactor.Reactor, ring *agent.Keyring) []agent.Identity {
	t.Helper()
	conn, _ := serve(t, r, ring)
	return must(t, r, client(t, r, conn).RequestIdentities)
}

// writePublic writes a .pub file.
func writePublic(t testing.TB, path string, k *keys.Key) {
	t.Helper()
	text, err := k.Public().ToString(keys.ToStringOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestC_KEYS_23_SSHAdd: ssh-add with our server adds keys and certificates,
// lists them, has them sign, and removes them.
func TestC_KEYS_23_SSHAdd(t *testing.T) {
	program := conchtest.Program(t, "ssh-add")
	r := start(t)
	ring := agent.NewKeyring()
	socket := listen(t, r, ring)
	ok := func(args ...string) string {
		t.Helper()
		out, err := command(program, socket, args...)
		if err != nil {
			t.Fatalf("ssh-add %q: %v\n%s", args, err, out)
		}
		return out
	}
	for _, k := range testKeys() {
		path := filepath.Join(t.TempDir(), "key")
		text, err := k.ToString(keys.ToStringOptions{Subtype: keys.V1, Comment: "a comment"})
		if err != nil {
			t.Fatal(err)
		}
		certificate := certify(t, k)
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.WriteFile(path+"-cert.pub", gossh.MarshalAuthorizedKey(certificate), 0o600)); err != nil {
			t.Fatal(err)
		}
		writePublic(t, path+".pub", k)
		ok("-t", "3600", path)
		if all := held(t, r, ring); len(all) != 2 || !has(all, k.PublicKey(), "a comment") || !bytes.Equal(all[1].Key.Marshal(), certificate.Marshal()) {
			t.Errorf("%v is not held: %v", k, all)
		}
		if out := ok("-L"); !strings.Contains(out, string(bytes.TrimSpace(gossh.MarshalAuthorizedKey(k.PublicKey())))) {
			t.Errorf("ssh-add -L: %s", out)
		}
		ok("-T", path+".pub") // has it sign, and checks the signature
		ok("-d", path)
		if all := held(t, r, ring); len(all) != 0 {
			t.Errorf("%d keys are left", len(all))
		}
		if out, err := command(program, socket, "-c", path); err == nil { // a key that must be confirmed
			t.Errorf("ssh-add -c: %s", out)
		}
	}
	ok("-D")
	if out, err := command(program, socket, "-l"); err == nil || !strings.Contains(out, "no identities") {
		t.Errorf("ssh-add -l: %v, %s", err, out)
	}
}

// TestC_KEYS_23_KeygenSignsWithTheAgent: ssh-keygen has the agent sign a
// certificate, the longest data that is signed in practice.
func TestC_KEYS_23_KeygenSignsWithTheAgent(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	r := start(t)
	ring := agent.NewKeyring()
	authority := testKeys()[0] // RSA, for which ssh-keygen sets the flag
	add(t, ring, authority, agent.AddOptions{})
	socket := listen(t, r, ring)
	dir := t.TempDir()
	ca, user := filepath.Join(dir, "ca.pub"), filepath.Join(dir, "user.pub")
	writePublic(t, ca, authority)
	writePublic(t, user, ed25519())
	if out, err := command(keygen, socket, "-q", "-U", "-s", ca, "-I", "id", "-n", "user", user); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	certificate, err := keys.CertificateFromFile(strings.TrimSuffix(user, ".pub") + "-cert.pub")
	if err != nil {
		t.Fatal(err)
	}
	if certificate.Signature.Format != gossh.KeyAlgoRSASHA512 {
		t.Errorf("signed with %s", certificate.Signature.Format)
	}
	checker := gossh.CertChecker{IsUserAuthority: func(k gossh.PublicKey) bool { return bytes.Equal(k.Marshal(), authority.Blob()) }}
	if err := checker.CheckCert("user", certificate); err != nil {
		t.Error(err)
	}
}

// TestKeyringFromManyGoroutines: connections and callers use one keyring at
// once.
func TestKeyringFromManyGoroutines(t *testing.T) {
	r := start(t)
	ring := agent.NewKeyring()
	var all sync.WaitGroup
	for range 4 {
		conn, _ := serve(t, r, ring)
		all.Go(func() { // ends after its requests
			x := xagent.NewClient(conn)
			for range 20 {
				if _, err := x.List(); err != nil {
					t.Error(err)
				}
				if err := ring.AddIdentity(ed25519(), agent.AddOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if identities := held(t, r, ring); len(identities) != 1 {
		t.Errorf("%d keys", len(identities))
	}
}
