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
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
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

// startAgent runs an ssh-agent until the end of the test and returns its socket.
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
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says where it listens once it does
		t.Fatal(err)
	}
	return socket
}

func dial(t testing.TB, socket string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("unix", socket, deadline)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// pipe returns the two ends of a connection that buffers, which one in memory does not.
func pipe(t testing.TB) (here, there net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	here, err = net.DialTimeout("tcp", listener.Addr().String(), deadline)
	if err != nil {
		t.Fatal(err)
	}
	there, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// peers are the agents that the client is tried with.
var peers = []struct {
	name    string
	dsa     bool // whether every version of it takes DSA keys
	connect func(*testing.T, *loop) net.Conn
}{
	{"ssh-agent", false, func(t *testing.T, _ *loop) net.Conn { return dial(t, startAgent(t)) }},
	{"x-crypto", true, func(t *testing.T, l *loop) net.Conn {
		here, there := pipe(t)
		l.work.Go(func() { _ = xagent.ServeAgent(xagent.NewKeyring(), there) }) // until the connection is closed
		return here
	}},
	{"hawser", true, func(t *testing.T, l *loop) net.Conn {
		here, there := pipe(t)
		l.connect(agent.NewSSHAgentServer(agent.NewKeyring(reactortest.NewClock())), there)
		return here
	}},
}

func forEachPeer(t *testing.T, test func(t *testing.T, l *loop, c *agent.SSHAgentClient, dsa bool)) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			l := newLoop(t)
			c := agent.NewSSHAgentClient()
			l.connect(c, p.connect(t, l))
			test(t, l, c, p.dsa)
		})
	}
}

func TestC_KEYS_20_Peers(t *testing.T) {
	forEachPeer(t, func(t *testing.T, l *loop, c *agent.SSHAgentClient, dsa bool) {
		all := testKeys()
		if dsa {
			all = withDSA(t)
		}
		for _, k := range all {
			certificate := certify(t, k)
			must(l, c.AddIdentity(privateBlob(t, k), "alone", agent.Constraints{}))
			withCertificate, err := agent.CertificateBlob(k, certificate)
			if err != nil {
				t.Fatal(err)
			}
			must(l, c.AddIdentity(withCertificate, "with certificate", agent.Constraints{Lifetime: time.Hour}))
			identities := must(l, c.RequestIdentities())
			if !has(identities, k.Blob(), "alone") || !has(identities, certificate.Marshal(), "with certificate") {
				t.Errorf("%v is not held", k)
			}
			for _, algorithm := range k.SupportedSignatureAlgorithms() {
				for _, public := range []gossh.PublicKey{k.PublicKey(), certificate} {
					signature := must(l, c.Sign(public, []byte("data"), algorithm))
					if err := k.PublicKey().Verify([]byte("data"), signature); err != nil {
						t.Errorf("%v, %s: %v", k, algorithm, err)
					}
				}
			}
		}
		if offered := must(l, c.GetPublicKeys()); len(offered) != 2*len(all) {
			t.Errorf("%d keys are offered", len(offered))
		}
		must(l, c.RemoveIdentity(all[0].Blob()))
		if _, err := await(l, c.SignData(all[0].Blob(), nil, 0)); !errors.Is(err, agent.ErrRefused) {
			t.Errorf("by a key that was removed: %v", err)
		}
		must(l, c.RemoveAllIdentities())
		if identities := must(l, c.RequestIdentities()); len(identities) != 0 {
			t.Errorf("%d keys are left", len(identities))
		}
	})
}

func TestC_KEYS_20_PeersLock(t *testing.T) {
	forEachPeer(t, func(t *testing.T, l *loop, c *agent.SSHAgentClient, _ bool) {
		k := testKeys()[4]
		must(l, c.AddIdentity(privateBlob(t, k), "", agent.Constraints{}))
		must(l, c.Lock([]byte("pass")))
		if identities := must(l, c.RequestIdentities()); len(identities) != 0 {
			t.Errorf("locked, and lists %d", len(identities))
		}
		if _, err := await(l, c.SignData(k.Blob(), nil, 0)); !errors.Is(err, agent.ErrRefused) {
			t.Errorf("locked, and signs: %v", err)
		}
		if _, err := await(l, c.Unlock([]byte("wrong"))); !errors.Is(err, agent.ErrRefused) {
			t.Errorf("wrong passphrase: %v", err)
		}
		must(l, c.Unlock([]byte("pass")))
		if identities := must(l, c.RequestIdentities()); len(identities) != 1 {
			t.Errorf("unlocked, and lists %d", len(identities))
		}
	})
}

func TestC_KEYS_20_PeersPipeline(t *testing.T) {
	forEachPeer(t, func(t *testing.T, l *loop, c *agent.SSHAgentClient, _ bool) {
		k := testKeys()[4]
		c.AddIdentity(privateBlob(t, k), "", agent.Constraints{})
		var all []*deferredtest.Observer[[]byte]
		const n = 200
		for i := range n {
			all = append(all, deferredtest.Observe(c.SignData(k.Blob(), []byte{byte(i)}, 0)))
		}
		all[7].Cancel()
		l.until(func() bool { return all[n-1].Fired })
		for i, o := range all {
			if i != 7 && (!o.Fired || o.Err != nil || !k.Verify(o.Value, []byte{byte(i)})) {
				t.Fatalf("%d: fired: %v, with %v", i, o.Fired, o.Err)
			}
		}
	})
}

// An agent that ends, with requests outstanding or not.
func TestC_KEYS_22_AgentEnds(t *testing.T) {
	here, there := pipe(t)
	l := newLoop(t)
	c := agent.NewSSHAgentClient()
	l.connect(c, here)
	first, second := deferredtest.Observe(c.RequestIdentities()), deferredtest.Observe(c.Lock(nil))
	if _, err := there.Read(make([]byte, 10)); err != nil { // both have been sent
		t.Fatal(err)
	}
	there.Close()
	l.until(func() bool { return second.Fired })
	for _, err := range []error{first.Err, second.Err, deferredtest.Observe(c.RequestIdentities()).Err} {
		if _, ok := errors.AsType[*agent.ConnectionLostError](err); !ok {
			t.Error(err)
		}
	}
}

// C-KEYS-23: the client of x/crypto, which blocks, with our server.
func TestC_KEYS_23_XCryptoClient(t *testing.T) {
	l := newLoop(t)
	here, there := pipe(t)
	l.connect(agent.NewSSHAgentServer(agent.NewKeyring(reactortest.NewClock())), there)
	client := xagent.NewClient(here)
	_, err := background(l, func() (struct{}, error) { return struct{}{}, useXCryptoClient(t, client) })
	if err != nil {
		t.Error(err)
	}
}

func useXCryptoClient(t *testing.T, client xagent.ExtendedAgent) error {
	for _, k := range testKeys() {
		private, err := k.CryptoSigner()
		if err != nil {
			return err
		}
		certificate := certify(t, k)
		alone := xagent.AddedKey{PrivateKey: private, Comment: "comment", LifetimeSecs: 3600}
		certified := xagent.AddedKey{PrivateKey: private, Certificate: certificate, Comment: "comment"}
		if err := errors.Join(client.Add(alone), client.Add(certified)); err != nil {
			return err
		}
		for _, public := range []gossh.PublicKey{k.PublicKey(), certificate} {
			signature, err := client.Sign(public, []byte("data"))
			if err != nil {
				return err
			}
			if err := k.PublicKey().Verify([]byte("data"), signature); err != nil {
				return err
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
		return err
	}
	if _, err := signers[0].(gossh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, []byte("data"), gossh.KeyAlgoRSASHA512); err != nil {
		return err
	}
	return errors.Join(client.Lock([]byte("x")), client.Unlock([]byte("x")), client.Remove(testKeys()[0].PublicKey()), client.RemoveAll())
}

// listen serves a keyring on a socket to whoever comes.
func listen(t *testing.T, l *loop, keyring *agent.Keyring) (socket string) {
	t.Helper()
	socket = socketPath(t)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.work.Go(func() { // until the listener is closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.call(func() { l.connect(agent.NewSSHAgentServer(keyring), conn) })
		}
	})
	t.Cleanup(func() { listener.Close() })
	return socket
}

// sshAdd runs ssh-add beside the loop and returns what it says.
func sshAdd(l *loop, program, socket string, args ...string) (string, error) {
	return background(l, func() (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		out, err := cmd.CombinedOutput()
		return string(out), err
	})
}

// C-KEYS-23: ssh-add with our server: it adds keys and certificates, lists, has them sign, and removes them.
func TestC_KEYS_23_SSHAdd(t *testing.T) {
	program := conchtest.Program(t, "ssh-add")
	l := newLoop(t)
	clock := reactortest.NewClock()
	keyring := agent.NewKeyring(clock)
	socket := listen(t, l, keyring)
	ok := func(args ...string) string {
		t.Helper()
		out, err := sshAdd(l, program, socket, args...)
		if err != nil {
			t.Fatalf("ssh-add %q: %v\n%s", args, err, out)
		}
		return out
	}
	for _, k := range testKeys() {
		path := filepath.Join(t.TempDir(), "key")
		text, err := k.ToString(keys.OpenSSH, keys.ToStringOptions{Subtype: keys.V1, Comment: "a comment"})
		if err != nil {
			t.Fatal(err)
		}
		public, err := k.Public().ToString(keys.OpenSSH, keys.ToStringOptions{})
		if err != nil {
			t.Fatal(err)
		}
		certificate := certify(t, k)
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.WriteFile(path+".pub", public, 0o600),
			os.WriteFile(path+"-cert.pub", gossh.MarshalAuthorizedKey(certificate), 0o600)); err != nil {
			t.Fatal(err)
		}
		ok("-t", "3600", path)
		if all := held(t, keyring); !has(all, k.Blob(), "a comment") || len(all) != 2 || !bytes.Equal(all[1].Blob, certificate.Marshal()) {
			t.Errorf("%v is not held: %v", k, all)
		}
		if out := ok("-L"); !strings.Contains(out, string(public)) {
			t.Errorf("ssh-add -L: %s", out)
		}
		ok("-T", path+".pub") // has it sign, and checks the signature
		ok("-d", path)
		if all := held(t, keyring); len(all) != 0 {
			t.Errorf("%d keys are left", len(all))
		}
		ok("-t", "60", path)
		clock.Advance(time.Minute)
		if all := held(t, keyring); len(all) != 0 {
			t.Errorf("%d keys have outlived their time", len(all))
		}
	}
	ok("-D")
	if out, err := sshAdd(l, program, socket, "-l"); err == nil || !strings.Contains(out, "no identities") {
		t.Errorf("ssh-add -l: %v, %s", err, out)
	}
}

// ssh-keygen has the agent sign a certificate: the longest data that is signed in practice.
func TestC_KEYS_23_KeygenSignsWithTheAgent(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	l := newLoop(t)
	keyring := agent.NewKeyring(nil)
	authority := testKeys()[0] // RSA, for which ssh-keygen sets the flag
	add(t, keyring, privateBlob(t, authority), "", agent.Constraints{})
	socket := listen(t, l, keyring)
	dir := t.TempDir()
	write := func(name string, k *keys.Key) string {
		text, err := k.Public().ToString(keys.OpenSSH, keys.ToStringOptions{})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, user := write("ca.pub", authority), write("user.pub", testKeys()[4])
	if out, err := sshAdd(l, keygen, socket, "-q", "-U", "-s", ca, "-I", "id", "-n", "user", user); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	certificate, err := keys.CertificateBeside(strings.TrimSuffix(user, ".pub"))
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
