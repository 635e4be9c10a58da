package keys

import (
	"crypto/sha256"
	"encoding/base64"

	gossh "golang.org/x/crypto/ssh"
)

// FingerprintFormat says how a fingerprint is written.
type FingerprintFormat string

// The formats of fingerprints. The zero value stands for the first (C-KEYS-9).
const (
	MD5Hex       FingerprintFormat = "md5-hex"       // pairs of digits with colons between them
	SHA256Base64 FingerprintFormat = "sha256-base64" // with padding and without prefix
)

// Fingerprint returns the fingerprint of the public key or the public half (C-KEYS-9). What OpenSSH shows, with "SHA256:" in front and without
// padding, is gossh.FingerprintSHA256(key.PublicKey()). Any other format gives a *BadFingerPrintFormatError.
func (k *Key) Fingerprint(format FingerprintFormat) (string, error) {
	switch format {
	case "", MD5Hex:
		return gossh.FingerprintLegacyMD5(k.public), nil
	case SHA256Base64:
		sum := sha256.Sum256(k.Blob())
		return base64.StdEncoding.EncodeToString(sum[:]), nil
	default:
		return "", &BadFingerPrintFormatError{Format: format}
	}
}
