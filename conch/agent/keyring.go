package agent

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
)

// Keyring is a KeyStore in memory. It holds every kind of key that package keys can sign with, with or without a certificate. What all its
// identities take up in a list is at most MaxMessage bytes. Make one with NewKeyring.
//
// Signing is done on the goroutine that calls, and takes it a millisecond or so for an RSA key.
type Keyring struct {
	// Confirm asks the user whether a key may be used, for those that were added with the constraint. While it is nil such keys are refused.
	Confirm func(Identity) deferred.Deferred[bool]

	clock   deferred.Clock
	held    []*heldKey
	locked  bool
	lockSum [sha256.Size]byte // of the passphrase, while locked
}

// heldKey is an identity with the key that signs for it.
type heldKey struct {
	Identity
	key     *keys.Key
	confirm bool
	forget  func() bool // stops the timer of its lifetime; nil if there is none
}

var _ KeyStore = (*Keyring)(nil)

// NewKeyring returns an empty Keyring. The clock, as a rule the reactor, ends lifetimes; without one, which is nil, keys that have one are
// refused.
func NewKeyring(clock deferred.Clock) *Keyring { return &Keyring{clock: clock} }

// RequestIdentities answers with the keys that are held, in the order in which they were added, or with none while the Keyring is locked.
func (k *Keyring) RequestIdentities() deferred.Deferred[[]Identity] {
	if k.locked {
		return deferred.Succeed[[]Identity](nil)
	}
	identities := make([]Identity, len(k.held))
	for i, h := range k.held {
		identities[i] = h.Identity
	}
	return deferred.Succeed(identities)
}

// SignData signs with a key that is held. It fails with ErrLocked, ErrNoSuchKey or ErrNotConfirmed, or with what the key fails with.
func (k *Keyring) SignData(blob, data []byte, flags SignFlags) deferred.Deferred[[]byte] {
	h, err := k.usable(blob)
	if err != nil {
		return deferred.Fail[[]byte](err)
	}
	if !h.confirm {
		return deferred.Maybe(func() ([]byte, error) { return h.sign(data, flags) })
	}
	if k.Confirm == nil {
		return deferred.Fail[[]byte](ErrNotConfirmed)
	}
	return deferred.Then(k.Confirm(h.Identity), func(yes bool) ([]byte, error) {
		if !yes {
			return nil, ErrNotConfirmed
		}
		h, err := k.usable(blob) // asking takes time
		if err != nil {
			return nil, err
		}
		return h.sign(data, flags)
	})
}

// usable returns the key that a blob belongs to.
func (k *Keyring) usable(blob []byte) (*heldKey, error) {
	if k.locked {
		return nil, ErrLocked
	}
	if h := k.find(blob); h != nil {
		return h, nil
	}
	return nil, ErrNoSuchKey
}

func (h *heldKey) sign(data []byte, flags SignFlags) ([]byte, error) {
	var signatureType string
	if h.key.Type() == keys.RSA {
		signatureType = flags.signatureType()
	}
	return h.key.Sign(data, signatureType)
}

// AddIdentity takes a key, in the place of the one with the same public half if there is one. It fails with ErrLocked, ErrConstraint,
// ErrKeyringFull, or what is wrong with the key.
func (k *Keyring) AddIdentity(blob []byte, comment string, constraints Constraints) deferred.Deferred[struct{}] {
	return k.unlessLocked(func() error { return k.add(blob, comment, constraints) })
}

func (k *Keyring) add(blob []byte, comment string, constraints Constraints) error {
	if constraints.Lifetime < 0 || constraints.Lifetime > 0 && k.clock == nil || constraints.Confirm && k.Confirm == nil {
		return ErrConstraint
	}
	key, certificate, err := parseIdentity(blob)
	if err != nil {
		return err
	}
	h := &heldKey{Identity: Identity{key.Blob(), comment}, key: key, confirm: constraints.Confirm}
	if certificate != nil {
		h.Blob = certificate.Marshal()
	}
	if !k.hasRoomFor(h) {
		return ErrKeyringFull
	}
	k.put(h)
	if constraints.Lifetime > 0 {
		h.forget = k.clock.AfterFunc(constraints.Lifetime, func() { k.drop(h) })
	}
	return nil
}

// hasRoomFor reports whether all can still be listed in one message when h is added.
func (k *Keyring) hasRoomFor(h *heldKey) bool {
	room := MaxMessage - 1 - 4 // type and number
	for _, other := range append(slices.Clip(k.held), h) {
		if other == h || !bytes.Equal(other.Blob, h.Blob) {
			room -= 8 + len(other.Blob) + len(other.Comment)
		}
	}
	return room >= 0
}

func (k *Keyring) put(h *heldKey) {
	old := k.find(h.Blob)
	if old == nil {
		k.held = append(k.held, h)
		return
	}
	old.stop()
	k.held[slices.Index(k.held, old)] = h
}

// RemoveIdentity forgets a key. It fails with ErrNoSuchKey or ErrLocked.
func (k *Keyring) RemoveIdentity(blob []byte) deferred.Deferred[struct{}] {
	return k.unlessLocked(func() error {
		h, err := k.usable(blob)
		if err != nil {
			return err
		}
		h.stop()
		k.drop(h)
		return nil
	})
}

// RemoveAllIdentities forgets all keys. It fails with ErrLocked.
func (k *Keyring) RemoveAllIdentities() deferred.Deferred[struct{}] {
	return k.unlessLocked(func() error {
		for _, h := range k.held {
			h.stop()
		}
		k.held = nil
		return nil
	})
}

// Lock makes the Keyring list nothing and refuse everything but Unlock. Lifetimes go on. It fails with ErrLocked.
func (k *Keyring) Lock(passphrase []byte) deferred.Deferred[struct{}] {
	return k.unlessLocked(func() error {
		k.locked, k.lockSum = true, sha256.Sum256(passphrase)
		return nil
	})
}

// Unlock takes Lock back. It fails with ErrWrongPassphrase or ErrNotLocked.
func (k *Keyring) Unlock(passphrase []byte) deferred.Deferred[struct{}] {
	return done(func() error {
		sum := sha256.Sum256(passphrase)
		switch {
		case !k.locked:
			return ErrNotLocked
		case subtle.ConstantTimeCompare(sum[:], k.lockSum[:]) != 1:
			return ErrWrongPassphrase
		}
		k.locked, k.lockSum = false, [sha256.Size]byte{}
		return nil
	})
}

func (k *Keyring) unlessLocked(f func() error) deferred.Deferred[struct{}] {
	if k.locked {
		return deferred.Fail[struct{}](ErrLocked)
	}
	return done(f)
}

func done(f func() error) deferred.Deferred[struct{}] {
	return deferred.Maybe(func() (none struct{}, _ error) { return none, f() })
}

func (k *Keyring) find(blob []byte) *heldKey {
	i := slices.IndexFunc(k.held, func(h *heldKey) bool { return bytes.Equal(h.Blob, blob) })
	if i < 0 {
		return nil
	}
	return k.held[i]
}

func (k *Keyring) drop(h *heldKey) {
	k.held = slices.DeleteFunc(k.held, func(other *heldKey) bool { return other == h })
}

func (h *heldKey) stop() {
	if h.forget != nil {
		h.forget()
	}
}
