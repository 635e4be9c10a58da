package keys

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// FingerprintFormat is a way to write a fingerprint.
type FingerprintFormat string

// The formats of fingerprints.
const (
	MD5Hex       FingerprintFormat = "md5-hex"       // hex pairs between colons; the default
	SHA256Base64 FingerprintFormat = "sha256-base64" // with padding, without a prefix
)

// Fingerprint returns the fingerprint of the public key, or of the public half
// of a private key, in Twisted's spelling. The empty format means MD5Hex. An
// unknown format gives a *BadKeyError that wraps ErrUnsupported.
//
// OpenSSH writes SHA-256 fingerprints with the prefix "SHA256:" and without
// padding: that is gossh.FingerprintSHA256(key.PublicKey()), with gossh the
// package golang.org/x/crypto/ssh.
func (k *Key) Fingerprint(format FingerprintFormat) (string, error) {
	switch format {
	case "", MD5Hex:
		return gossh.FingerprintLegacyMD5(k.public), nil
	case SHA256Base64:
		sum := sha256.Sum256(k.Blob())
		return base64.StdEncoding.EncodeToString(sum[:]), nil
	default:
		return "", badKeyf("%w: the fingerprint format %s; use %q or %q", ErrUnsupported, text.Quote(string(format)), MD5Hex, SHA256Base64)
	}
}
