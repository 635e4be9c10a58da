package agent

import (
	"bytes"
	"errors"
	"strings"
	"sync"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
)

// Keyring holds private keys in memory and signs with them for the connections
// that it is served on; see Serve. Any goroutine may call its methods. Make one
// with NewKeyring.
//
// A Keyring obeys lifetimes. It refuses keys that must be confirmed, because it
// has nobody to ask, and keys with other constraints.
type Keyring struct {
	mu   sync.Mutex // held while a key is added
	ring xagent.ExtendedAgent
}

var errFull = errors.New("agent: the keyring is full: all keys and comments must fit into one message")

// NewKeyring returns an empty Keyring.
func NewKeyring() *Keyring {
	return &Keyring{ring: xagent.NewKeyring().(xagent.ExtendedAgent)}
}

// AddIdentity adds a private key. It replaces a key with the same public half,
// or the same certificate. The key must be an RSA, EC or Ed25519 key that is
// not held by a signer. The error is an *OpError.
func (k *Keyring) AddIdentity(key *keys.Key, o AddOptions) error {
	added, err := o.addedKey(key)
	if err == nil {
		err = k.add(added)
	}
	return opError("add key", err)
}

// RemoveIdentity removes the private key of a public key or certificate. The
// error is an *OpError; it is not nil if there is no such key.
func (k *Keyring) RemoveIdentity(key gossh.PublicKey) error {
	return opError("remove key", k.ring.Remove(key))
}

// RemoveAllIdentities removes all keys. The error is an *OpError; it is not nil
// if a client has locked the Keyring.
func (k *Keyring) RemoveAllIdentities() error { return opError("remove all keys", k.ring.RemoveAll()) }

func opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Err: err}
}

// add adds a key if the list of all keys still fits into a message.
func (k *Keyring) add(key xagent.AddedKey) error {
	blob, err := publicBlob(key)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	held, err := k.ring.List() // nothing while locked; Add fails then
	if err != nil {
		return err
	}
	size := 1 + 4 + 8 + len(blob) + len(key.Comment) // type, number, two lengths
	for _, other := range held {
		if !bytes.Equal(other.Blob, blob) {
			size += 8 + len(other.Blob) + len(other.Comment)
		}
	}
	if size > maxMessage {
		return errFull
	}
	return k.ring.Add(key)
}

// publicBlob returns the public key or certificate that a list of keys has for
// the key.
func publicBlob(key xagent.AddedKey) ([]byte, error) {
	if key.Certificate != nil {
		return key.Certificate.Marshal(), nil
	}
	signer, err := gossh.NewSignerFromKey(key.PrivateKey)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey().Marshal(), nil
}

// served is a Keyring as x/crypto serves it.
type served struct {
	xagent.ExtendedAgent
	k *Keyring
}

func (s served) Add(key xagent.AddedKey) error { return s.k.add(key) }

// SignWithFlags ignores the flags for keys that are not RSA keys, as ssh-agent
// does. With both flags set the first one counts.
func (s served) SignWithFlags(key gossh.PublicKey, data []byte, flags xagent.SignatureFlags) (*gossh.Signature, error) {
	switch {
	case !strings.HasPrefix(key.Type(), gossh.KeyAlgoRSA):
		flags = 0
	case flags&xagent.SignatureFlagRsaSha256 != 0:
		flags = xagent.SignatureFlagRsaSha256
	}
	return s.ExtendedAgent.SignWithFlags(key, data, flags)
}
