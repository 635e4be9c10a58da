package agent_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// certify makes a certificate of the key for a user.
func certify(t testing.TB, k *keys.Key) *gossh.Certificate {
	t.Helper()
	authority, err := testKeys()[4].Signer()
	if err != nil {
		t.Fatal(err)
	}
	c := &gossh.Certificate{Key: k.PublicKey(), CertType: gossh.UserCert, KeyId: "id", ValidPrincipals: []string{"user"}, ValidBefore: gossh.CertTimeInfinity}
	if err := c.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return c
}

func certificateBlob(t testing.TB, k *keys.Key) []byte {
	t.Helper()
	blob, err := agent.CertificateBlob(k, certify(t, k))
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

// fired is what a Deferred of a Keyring, which fires at once, fired with.
func fired[T any](t testing.TB, d deferred.Deferred[T]) (T, error) {
	t.Helper()
	o := deferredtest.Observe(d)
	if !o.Fired {
		t.Fatal("not fired")
	}
	return o.Value, o.Err
}

func add(t testing.TB, r *agent.Keyring, blob []byte, comment string, c agent.Constraints) {
	t.Helper()
	if _, err := fired(t, r.AddIdentity(blob, comment, c)); err != nil {
		t.Fatal(err)
	}
}

func held(t testing.TB, r *agent.Keyring) []agent.Identity {
	t.Helper()
	identities, err := fired(t, r.RequestIdentities())
	if err != nil {
		t.Fatal(err)
	}
	return identities
}

// C-KEYS-23 (fix): every kind of key is held, with and without a certificate, and signs in each way it can.
func TestC_KEYS_23_KeyringHoldsEveryKind(t *testing.T) {
	r := agent.NewKeyring(nil)
	for _, k := range withDSA(t) {
		certificate := certify(t, k)
		withCertificate, err := agent.CertificateBlob(k, certificate)
		if err != nil {
			t.Fatal(err)
		}
		add(t, r, privateBlob(t, k), "alone", agent.Constraints{})
		add(t, r, withCertificate, "with certificate", agent.Constraints{})
		if all := held(t, r); !has(all, k.Blob(), "alone") || !has(all, certificate.Marshal(), "with certificate") {
			t.Errorf("%v is not held", k)
		}
		for _, blob := range [][]byte{k.Blob(), certificate.Marshal()} {
			for _, algorithm := range k.SupportedSignatureAlgorithms() {
				signature, err := fired(t, r.SignData(blob, []byte("data"), agent.FlagsFor(algorithm)))
				if err != nil || !k.Verify(signature, []byte("data")) {
					t.Errorf("%v, %s: %v", k, algorithm, err)
					continue
				}
				if s, err := keys.ParseSignature(signature); err != nil || s.Format != algorithm {
					t.Errorf("%v, %s: a signature of type %v, %v", k, algorithm, s, err)
				}
			}
		}
	}
	if all := held(t, r); len(all) != 2*len(withDSA(t)) {
		t.Errorf("%d keys are held", len(all))
	}
}

// The flags are for RSA; other keys sign as they do without.
func TestKeyringFlags(t *testing.T) {
	r := agent.NewKeyring(nil)
	rsa, ed := testKeys()[0], testKeys()[4]
	add(t, r, privateBlob(t, rsa), "", agent.Constraints{})
	add(t, r, privateBlob(t, ed), "", agent.Constraints{})
	for _, tt := range []struct {
		key   *keys.Key
		flags agent.SignFlags
		want  string
	}{
		{rsa, 0, "ssh-rsa"}, {rsa, 2, "rsa-sha2-256"}, {rsa, 4, "rsa-sha2-512"}, {rsa, 6, "rsa-sha2-256"}, {rsa, 1, "ssh-rsa"}, {ed, 4, "ssh-ed25519"},
	} {
		signature, err := fired(t, r.SignData(tt.key.Blob(), nil, tt.flags))
		if err != nil {
			t.Errorf("%d: %v", tt.flags, err)
			continue
		}
		if s, err := keys.ParseSignature(signature); err != nil || s.Format != tt.want {
			t.Errorf("%d: %v, %v; want %s", tt.flags, s, err, tt.want)
		}
	}
}

func TestKeyringRemove(t *testing.T) {
	r := agent.NewKeyring(nil)
	for _, k := range testKeys() {
		add(t, r, privateBlob(t, k), "", agent.Constraints{})
	}
	gone := testKeys()[2]
	if _, err := fired(t, r.RemoveIdentity(gone.Blob())); err != nil {
		t.Error(err)
	}
	if _, err := fired(t, r.RemoveIdentity(gone.Blob())); !errors.Is(err, agent.ErrNoSuchKey) {
		t.Error(err)
	}
	if _, err := fired(t, r.SignData(gone.Blob(), nil, 0)); !errors.Is(err, agent.ErrNoSuchKey) {
		t.Error(err)
	}
	all := held(t, r)
	if len(all) != len(testKeys())-1 || !bytes.Equal(all[0].Blob, testKeys()[0].Blob()) || !bytes.Equal(all[2].Blob, testKeys()[3].Blob()) {
		t.Errorf("%d keys, or not in their order", len(all))
	}
	if _, err := fired(t, r.RemoveAllIdentities()); err != nil || len(held(t, r)) != 0 {
		t.Error(err)
	}
}

func TestKeyringReplaces(t *testing.T) {
	clock := reactortest.NewClock()
	r := agent.NewKeyring(clock)
	k := testKeys()[4]
	add(t, r, privateBlob(t, k), "short", agent.Constraints{Lifetime: time.Second})
	add(t, r, privateBlob(t, testKeys()[1]), "other", agent.Constraints{})
	add(t, r, privateBlob(t, k), "long", agent.Constraints{Lifetime: time.Minute})
	clock.Advance(2 * time.Second)
	if all := held(t, r); len(all) != 2 || !has(all[:1], k.Blob(), "long") {
		t.Errorf("%v", all)
	}
	clock.Advance(time.Minute)
	if all := held(t, r); len(all) != 1 || all[0].Comment != "other" {
		t.Errorf("%v", all)
	}
}

func TestKeyringLifetime(t *testing.T) {
	clock := reactortest.NewClock()
	r := agent.NewKeyring(clock)
	for i, k := range testKeys() {
		add(t, r, privateBlob(t, k), "", agent.Constraints{Lifetime: time.Duration(i+1) * time.Hour})
	}
	if _, err := fired(t, r.RemoveIdentity(testKeys()[4].Blob())); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		clock.Advance(time.Hour - 1)
		if n := len(held(t, r)); n != 4-i {
			t.Errorf("just before hour %d: %d keys", i+1, n)
		}
		clock.Advance(1)
		if n := len(held(t, r)); n != 3-i {
			t.Errorf("at hour %d: %d keys", i+1, n)
		}
	}
	if left := clock.GetDelayedCalls(); len(left) != 0 {
		t.Errorf("%d timers are left, that of the removed key among them", len(left))
	}
	add(t, r, privateBlob(t, testKeys()[0]), "", agent.Constraints{Lifetime: time.Hour})
	if _, err := fired(t, r.RemoveAllIdentities()); err != nil || len(clock.GetDelayedCalls()) != 0 {
		t.Errorf("%v, %d timers are left", err, len(clock.GetDelayedCalls()))
	}
}

func TestKeyringConfirm(t *testing.T) {
	r := agent.NewKeyring(nil)
	k := testKeys()[4]
	confirm := agent.Constraints{Confirm: true}
	if _, err := fired(t, r.AddIdentity(privateBlob(t, k), "", confirm)); !errors.Is(err, agent.ErrConstraint) {
		t.Errorf("nobody to ask: %v", err)
	}
	var asked []agent.Identity
	var answer deferred.Deferred[bool]
	r.Confirm = func(i agent.Identity) deferred.Deferred[bool] {
		asked = append(asked, i)
		answer = deferred.New[bool]()
		return answer
	}
	add(t, r, privateBlob(t, k), "me", confirm)
	for name, tt := range map[string]struct {
		then func()
		want error
	}{
		"yes":             {func() { answer.Callback(true) }, nil},
		"no":              {func() { answer.Callback(false) }, agent.ErrNotConfirmed},
		"failure":         {func() { answer.Errback(errReason) }, errReason},
		"yes, but locked": {func() { r.Lock(nil); answer.Callback(true); r.Unlock(nil) }, agent.ErrLocked},
		"yes, but key is gone": {func() {
			r.RemoveAllIdentities()
			answer.Callback(true)
			r.AddIdentity(privateBlob(t, k), "me", confirm)
		}, agent.ErrNoSuchKey},
	} {
		asked = nil
		o := deferredtest.Observe(r.SignData(k.Blob(), []byte("data"), 0))
		if o.Fired || len(asked) != 1 || !has(asked, k.Blob(), "me") {
			t.Fatalf("%s: fired: %v, asked about %v", name, o.Fired, asked)
		}
		tt.then()
		if !o.Fired || !errors.Is(o.Err, tt.want) || tt.want == nil && !k.Verify(o.Value, []byte("data")) {
			t.Errorf("%s: fired: %v, with %v", name, o.Fired, o.Err)
		}
	}
	r.Confirm = nil
	if _, err := fired(t, r.SignData(k.Blob(), nil, 0)); !errors.Is(err, agent.ErrNotConfirmed) {
		t.Errorf("nobody to ask any more: %v", err)
	}
}

func TestKeyringLock(t *testing.T) {
	clock := reactortest.NewClock()
	r := agent.NewKeyring(clock)
	k, other := testKeys()[4], testKeys()[1]
	add(t, r, privateBlob(t, k), "", agent.Constraints{})
	add(t, r, privateBlob(t, other), "", agent.Constraints{Lifetime: time.Second})
	if _, err := fired(t, r.Unlock(nil)); !errors.Is(err, agent.ErrNotLocked) {
		t.Errorf("unlocked already: %v", err)
	}
	if _, err := fired(t, r.Lock([]byte("pass"))); err != nil {
		t.Fatal(err)
	}
	if all := held(t, r); len(all) != 0 {
		t.Errorf("locked, and lists %d", len(all))
	}
	_, signErr := fired(t, r.SignData(k.Blob(), nil, 0))
	_, addErr := fired(t, r.AddIdentity(privateBlob(t, k), "", agent.Constraints{}))
	_, removeErr := fired(t, r.RemoveIdentity(k.Blob()))
	_, removeAllErr := fired(t, r.RemoveAllIdentities())
	_, lockErr := fired(t, r.Lock(nil))
	for i, err := range []error{signErr, addErr, removeErr, removeAllErr, lockErr} {
		if !errors.Is(err, agent.ErrLocked) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for _, wrong := range []string{"", "Pass", "pass "} {
		if _, err := fired(t, r.Unlock([]byte(wrong))); !errors.Is(err, agent.ErrWrongPassphrase) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	clock.Advance(time.Second)
	if _, err := fired(t, r.Unlock([]byte("pass"))); err != nil {
		t.Error(err)
	}
	if all := held(t, r); len(all) != 1 || !bytes.Equal(all[0].Blob, k.Blob()) {
		t.Errorf("afterwards: %v", all)
	}
}

// The list of all keys has to fit in one message.
func TestKeyringFull(t *testing.T) {
	r := agent.NewKeyring(nil)
	s := serve(r)
	first, second := testKeys()[4], testKeys()[1]
	room := agent.MaxMessage - 1 - 4 - 8 - len(first.Blob()) - 8 - len(second.Blob())
	add(t, r, privateBlob(t, first), "", agent.Constraints{})
	if _, err := fired(t, r.AddIdentity(privateBlob(t, second), string(make([]byte, room+1)), agent.Constraints{})); !errors.Is(err, agent.ErrKeyringFull) {
		t.Errorf("a byte too many: %v", err)
	}
	for range 2 { // the second time in its own place
		add(t, r, privateBlob(t, second), string(make([]byte, room)), agent.Constraints{})
	}
	s.DataReceived(raw(11, ""))
	if n := len(s.take()); n != 4+agent.MaxMessage {
		t.Errorf("a list of %d bytes", n)
	}
	if _, err := fired(t, r.AddIdentity(privateBlob(t, first), "x", agent.Constraints{})); !errors.Is(err, agent.ErrKeyringFull) {
		t.Errorf("a longer comment: %v", err)
	}
}

func TestKeyringRefusesBadKeys(t *testing.T) {
	r := agent.NewKeyring(nil)
	for _, k := range withDSA(t) {
		for _, blob := range [][]byte{privateBlob(t, k), certificateBlob(t, k)} {
			for cut := range blob {
				if _, err := fired(t, r.AddIdentity(blob[:cut], "", agent.Constraints{})); err == nil {
					t.Fatalf("%v: taken when cut to %d bytes", k, cut)
				}
			}
			if _, err := fired(t, r.AddIdentity(append(slices.Clone(blob), 0), "", agent.Constraints{})); err == nil {
				t.Fatalf("%v: taken with a byte behind it", k)
			}
			if k.Type() == keys.DSA {
				continue // one bit of its private number more or less can make another good key
			}
			blob[len(blob)-1] ^= 1
			if _, err := fired(t, r.AddIdentity(blob, "", agent.Constraints{})); err == nil {
				t.Fatalf("%v: taken with its last bit changed", k)
			}
		}
	}
	if _, err := fired(t, r.AddIdentity(privateBlob(t, testKeys()[0]), "", agent.Constraints{Lifetime: -1})); !errors.Is(err, agent.ErrConstraint) {
		t.Errorf("a negative lifetime: %v", err)
	}
	mixed := str("ssh-rsa-cert-v01@openssh.com", string(certify(t, testKeys()[4]).Marshal()))
	if _, err := fired(t, r.AddIdentity([]byte(mixed), "", agent.Constraints{})); !errors.Is(err, agent.ErrMalformed) {
		t.Errorf("a certificate of another type: %v", err)
	}
}

func TestCertificateBlobRefuses(t *testing.T) {
	k, other := testKeys()[4], testKeys()[1]
	signer, err := k.Signer()
	if err != nil {
		t.Fatal(err)
	}
	opaque, err := keys.FromSigner(signer)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*keys.Key{"another key": other, "public": k.Public(), "behind a signer": opaque} {
		if _, err := agent.CertificateBlob(key, certify(t, k)); !errors.As(err, new(*keys.BadKeyError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
