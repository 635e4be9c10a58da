package server

import (
	"fmt"
	"net"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// Login is what a server knows about a client that logs in, or has logged in. A
// realm gets it as the mind of RequestAvatar. It belongs to the loop.
type Login struct {
	User          string // as the client has sent it
	ClientVersion string // the version line; characters that are not printable are escaped
	Remote, Local net.Addr
	SessionID     []byte

	// Methods are the methods that have succeeded, in their order.
	Methods []string

	// Keys are the public keys and certificates that the client has proved to
	// hold, in the order of the proofs.
	Keys []gossh.PublicKey

	// Restrictions is what the login may not do. They come from the keys.
	Restrictions cred.Restrictions

	id string // of the avatar, after the first method
}

// Fingerprint returns the SHA-256 fingerprint of the last key, and "" without a
// key.
func (l *Login) Fingerprint() string {
	if len(l.Keys) == 0 {
		return ""
	}
	return gossh.FingerprintSHA256(l.Keys[len(l.Keys)-1])
}

// String returns the user and the address, for logs.
func (l *Login) String() string { return text.Line(l.User) + " from " + fmt.Sprint(l.Remote) }
