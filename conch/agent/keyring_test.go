package agent_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

func newKey(t testing.TB, from any) *keys.Key {
	t.Helper()
	k, err := keys.New(from)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// add adds a key that must be taken.
func add(t testing.TB, ring *agent.Keyring, k *keys.Key, o agent.AddOptions) {
	t.Helper()
	if err := ring.AddIdentity(k, o); err != nil {
		t.Fatal(err)
	}
}

// serve returns a connection to the keyring, and the Deferred of Serve.
func serve(t testing.TB, r *reactor.Reactor, ring *agent.Keyring) (net.Conn, deferred.Deferred[deferred.Void]) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	var d deferred.Deferred[deferred.Void]
	onLoop(t, r, func() { d = agent.Serve(r, there, ring) })
	return here, d
}

func TestC_KEYS_23_KeyringFull(t *testing.T) {
	ring := agent.NewKeyring()
	blob := len(ed25519().Blob())
	longest := agent.MaxMessage - 1 - 4 - 8 - blob
	add(t, ring, ed25519(), agent.AddOptions{Comment: strings.Repeat("x", longest)})
	add(t, ring, ed25519(), agent.AddOptions{Comment: strings.Repeat("y", longest)}) // replaces the first
	if err := ring.AddIdentity(ed25519(), agent.AddOptions{Comment: strings.Repeat("x", longest+1)}); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("one byte more: %v", err)
	}
	if err := ring.AddIdentity(testKeys()[1], agent.AddOptions{}); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("one key more: %v", err)
	}
	r := start(t)
	conn, _ := serve(t, r, ring)
	c := client(t, r, conn)
	if listed := must(t, r, c.RequestIdentities); len(listed) != 1 || len(listed[0].Comment) != longest { // the longest message
		t.Errorf("%d keys", len(listed))
	}
	_, err := await(t, r, func() deferred.Deferred[deferred.Void] { return c.AddIdentity(testKeys()[1], agent.AddOptions{}) })
	mustBe(t, err, "add key", agent.ErrRefused)
}

func TestC_KEYS_23_KeyringRefuses(t *testing.T) {
	ring := agent.NewKeyring()
	for name, err := range map[string]error{
		"public":                     ring.AddIdentity(ed25519().Public(), agent.AddOptions{}),
		"confirm":                    ring.AddIdentity(ed25519(), agent.AddOptions{Confirm: true}),
		"negative lifetime":          ring.AddIdentity(ed25519(), agent.AddOptions{Lifetime: -1}),
		"certificate of another key": ring.AddIdentity(ed25519(), agent.AddOptions{Certificate: certify(t, testKeys()[1])}),
		"remove what is not there":   ring.RemoveIdentity(ed25519().PublicKey()),
	} {
		if !errors.As(err, new(*agent.OpError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyringRemove(t *testing.T) {
	r := start(t)
	ring := agent.NewKeyring()
	conn, _ := serve(t, r, ring)
	c := client(t, r, conn)
	add(t, ring, testKeys()[1], agent.AddOptions{Comment: "a"})
	add(t, ring, ed25519(), agent.AddOptions{Comment: "b"})
	if err := ring.RemoveIdentity(testKeys()[1].PublicKey()); err != nil {
		t.Error(err)
	}
	if listed := must(t, r, c.RequestIdentities); len(listed) != 1 || !has(listed, ed25519().PublicKey(), "b") {
		t.Errorf("%v", listed)
	}
	if err := ring.RemoveAllIdentities(); err != nil {
		t.Error(err)
	}
	if listed := must(t, r, c.RequestIdentities); len(listed) != 0 {
		t.Errorf("%v", listed)
	}
}

// TestKeyringLifetime: a key is forgotten when its time is over. Time is faked.
func TestKeyringLifetime(t *testing.T) {
	key := ed25519()
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.Start(t, reactor.Options{})
		ring := agent.NewKeyring()
		conn, _ := serve(t, r, ring)
		c := client(t, r, conn)
		add(t, ring, key, agent.AddOptions{Lifetime: time.Minute - time.Second/2}) // rounded up
		time.Sleep(time.Minute)
		synctest.Wait()
		if listed := must(t, r, c.RequestIdentities); len(listed) != 1 {
			t.Errorf("at its end: %v", listed)
		}
		time.Sleep(time.Nanosecond)
		if listed := must(t, r, c.RequestIdentities); len(listed) != 0 {
			t.Errorf("after its end: %v", listed)
		}
	})
}

// TestC_KEYS_23_Flags: the flags of a request choose the algorithm of RSA keys,
// and mean nothing to others.
func TestC_KEYS_23_Flags(t *testing.T) {
	r := start(t)
	ring := agent.NewKeyring()
	conn, _ := serve(t, r, ring)
	x := xagent.NewClient(struct{ io.ReadWriter }{conn})
	for _, k := range []*keys.Key{testKeys()[0], ed25519()} {
		add(t, ring, k, agent.AddOptions{})
		certificate := certify(t, k)
		add(t, ring, k, agent.AddOptions{Certificate: certificate})
		for flags, rsa := range map[xagent.SignatureFlags]string{0: gossh.KeyAlgoRSA, 2: gossh.KeyAlgoRSASHA256, 4: gossh.KeyAlgoRSASHA512, 6: gossh.KeyAlgoRSASHA256} {
			want := k.SSHType()
			if k.Type() == keys.RSA {
				want = rsa
			}
			for _, public := range []gossh.PublicKey{k.PublicKey(), certificate} {
				signature, err := x.SignWithFlags(public, []byte("data"), flags)
				if err != nil || signature.Format != want || k.PublicKey().Verify([]byte("data"), signature) != nil {
					t.Errorf("%v with flags %d: %v, %v", k, flags, signature, err)
				}
			}
		}
	}
}

// TestServeEnds: by the peer, by a peer that breaks the protocol, by Cancel.
func TestServeEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		sent string
		fine bool
	}{
		"at once":         {"", true},
		"after a request": {string(frame("\x0b")), true},
		"in a length":     {"\x00\x00", false},
		"in a request":    {string(frame("\x0bxyz")[:6]), false},
		"empty request":   {"\x00\x00\x00\x00", false},
		"too long":        {"\x00\x04\x00\x01", false},
		"far too long":    {"\xff\xff\xff\xff", false},
		"unknown request": {string(frame("\xc8")), true},
		"malformed":       {string(frame("\x0d\x00")), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			conn, served := serve(t, r, agent.NewKeyring())
			if _, err := conn.Write([]byte(tt.sent)); err != nil {
				t.Fatal(err)
			}
			if tt.fine && tt.sent != "" {
				if _, err := readMessage(conn); err != nil {
					t.Error(err)
				}
			}
			if strings.HasSuffix(name, "too long") { // the server closes the connection
				if rest, err := io.ReadAll(conn); len(rest) != 0 || err != nil {
					t.Errorf("%x, %v", rest, err)
				}
			}
			conn.Close()
			_, err := await(t, r, func() deferred.Deferred[deferred.Void] { return served })
			if tt.fine != (err == nil) || err != nil && !errors.As(err, new(*agent.OpError)) {
				t.Error(err)
			}
		})
	}
}

func TestServeCancel(t *testing.T) {
	r := start(t)
	conn, served := serve(t, r, agent.NewKeyring())
	if _, err := conn.Write(frame("\x0b")); err != nil { // the reply is not read
		t.Fatal(err)
	}
	_, err := await(t, r, func() deferred.Deferred[deferred.Void] {
		served.Cancel()
		return served
	})
	if !errors.Is(err, deferred.ErrCancelled) {
		t.Error(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

// TestReactorEndsServe: CheckGoroutines finds what is left.
func TestReactorEndsServe(t *testing.T) {
	r := start(t)
	conn, _ := serve(t, r, agent.NewKeyring())
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Error(err)
	}
}

// FuzzServe feeds a keyring with anything. It answers or ends the connection,
// and what it holds is bounded.
func FuzzServe(f *testing.F) {
	private, err := ed25519().CryptoSigner()
	if err != nil {
		f.Fatal(err)
	}
	for _, use := range []func(xagent.ExtendedAgent) error{
		func(a xagent.ExtendedAgent) error { _, err := a.List(); return err },
		func(a xagent.ExtendedAgent) error { _, err := a.Sign(ed25519().PublicKey(), []byte("x")); return err },
		func(a xagent.ExtendedAgent) error {
			return a.Add(xagent.AddedKey{PrivateKey: private, LifetimeSecs: 9})
		},
		func(a xagent.ExtendedAgent) error { return a.Lock([]byte("x")) },
		func(a xagent.ExtendedAgent) error { _, err := a.Extension("x", []byte("y")); return err },
	} {
		var sent recorder
		_ = use(xagent.NewClient(&sent)) // there is no reply
		f.Add(sent.written)
	}
	r := reactortest.Start(f, reactor.Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, served := serve(t, r, agent.NewKeyring())
		drained := make(chan struct{})
		go func() { // ends with the connection
			defer close(drained)
			_, _ = io.Copy(io.Discard, conn)
		}()
		_, _ = conn.Write(data)
		conn.Close()
		<-drained
		_, _ = await(t, r, func() deferred.Deferred[deferred.Void] { return served })
	})
}

// recorder keeps what is written, and has nothing to read.
type recorder struct{ written []byte }

func (r *recorder) Write(p []byte) (int, error) {
	r.written = append(r.written, p...)
	return len(p), nil
}
func (r *recorder) Read([]byte) (int, error) { return 0, io.EOF }
