package keys

import (
	"errors"
	"fmt"
	"strings"
)

const prefix = "keys: "

// What a BadKeyError may wrap.
var (
	// ErrWrongPassphrase says that a private key does not open with the passphrase given; asking for another one makes sense. Some formats
	// cannot tell a wrong passphrase from a damaged file.
	ErrWrongPassphrase = errors.New("keys: wrong passphrase, or a damaged file")

	// ErrNotEncrypted says that a passphrase was given for a format that cannot be encrypted (C-KEYS-4).
	ErrNotEncrypted = errors.New("keys: a passphrase was given, but this is no private key file")

	// ErrPublicKey says that an operation needs a private key and was asked of a public one.
	ErrPublicKey = errors.New("keys: this is a public key, a private one is needed")

	// ErrOpaque says that a private key can be used but not looked into, because it was made from a signer.
	ErrOpaque = errors.New("keys: the private key is behind a signer and cannot be taken out")

	// ErrCertificate says that a key was expected and a certificate is there (C-KEYS-7).
	ErrCertificate = errors.New("keys: this is a certificate, not a key; use CertificateFromFile or CertificateFromString")

	// ErrUnsupported says that this package has no use for a kind of key, or not in the format asked for.
	ErrUnsupported = errors.New("keys: not supported")
)

// BadKeyError says that something is not a key, is a damaged one, or cannot be made of the key that it is asked of.
type BadKeyError struct {
	Path string // the file, if there is one
	Err  error  // what is wrong
}

func (e *BadKeyError) Error() string { return prefix + at(e.Path) + "bad key: " + bare(e.Err) }

// Unwrap returns what is wrong.
func (e *BadKeyError) Unwrap() error { return e.Err }

// EncryptedKeyError says that a private key is encrypted and that no passphrase was given (C-KEYS-3).
type EncryptedKeyError struct {
	Path   string // the file, if there is one
	Public *Key   // the public half, if the format shows it without passphrase, else nil
}

func (e *EncryptedKeyError) Error() string {
	return prefix + at(e.Path) + "the private key is encrypted; give its passphrase"
}

// BadFingerPrintFormatError says that a fingerprint was asked for in a format that does not exist (C-KEYS-9).
type BadFingerPrintFormatError struct{ Format FingerprintFormat }

func (e *BadFingerPrintFormatError) Error() string {
	return fmt.Sprintf("keys: unknown fingerprint format %q; there are %q and %q", e.Format, MD5Hex, SHA256Base64)
}

// BadSignatureAlgorithmError says that a key cannot make signatures of the type asked for (C-KEYS-11).
type BadSignatureAlgorithmError struct {
	Algorithm string
	SSHType   string   // of the key
	Supported []string // what it can make
}

func (e *BadSignatureAlgorithmError) Error() string {
	return fmt.Sprintf("keys: a key of type %s makes no signatures of type %q; it makes %s", e.SSHType, e.Algorithm, strings.Join(e.Supported, ", "))
}

func badKey(err error) error { return &BadKeyError{Err: err} }

func badKeyf(format string, args ...any) error { return badKey(fmt.Errorf(format, args...)) }

// inFile adds the path to an error of this package.
func inFile(path string, err error) error {
	if bad, ok := errors.AsType[*BadKeyError](err); ok {
		return &BadKeyError{Path: path, Err: bad.Err}
	}
	if encrypted, ok := errors.AsType[*EncryptedKeyError](err); ok {
		return &EncryptedKeyError{Path: path, Public: encrypted.Public}
	}
	return err
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// bare returns the text of an error without this package's name in front, for use inside another error that has it already.
func bare(err error) string { return strings.TrimPrefix(err.Error(), prefix) }
