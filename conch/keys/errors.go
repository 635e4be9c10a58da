package keys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// Errors that a BadKeyError can wrap.
var (
	// ErrWrongPassphrase: FromFile, FromString and SignerFromFile return an
	// error that wraps ErrWrongPassphrase if the passphrase does not open the
	// private key. Asking for another passphrase makes sense. Most formats
	// cannot tell a wrong passphrase from a damaged file.
	ErrWrongPassphrase = errors.New("keys: wrong passphrase, or a damaged file")

	// ErrBadPermissions: FromFile, SignerFromFile and PersistentKey return an
	// error that wraps ErrBadPermissions if the file holds a private key,
	// belongs to this user and has a mode that gives others any access. The
	// error names the chmod command. Windows has no such modes and no such
	// error.
	ErrBadPermissions = errors.New("keys: others can access the private key")

	// ErrPublicKey: an operation that needs a private key returns an error that
	// wraps ErrPublicKey if the Key is a public one.
	ErrPublicKey = errors.New("keys: this is a public key, a private one is needed")

	// ErrUnsupported: functions return an error that wraps ErrUnsupported if
	// this package does not handle a kind of key, a format or a cipher.
	ErrUnsupported = errors.New("keys: not supported")
)

var (
	errNotEncrypted = errors.New("a passphrase was given, but this is not a private key file; omit it")
	errOpaque       = errors.New("the private key is a DSA key, or held by a signer, and cannot be exported")
	errCertificate  = errors.New("this is a certificate, not a key; use CertificateFromFile")
	errDamagedPEM   = errors.New("damaged PEM, or no private key in it")
	errNoKey        = errors.New("not in a format of SSH keys")
	errIncomplete   = errors.New("numbers are missing or out of range")
	errMismatch     = errors.New("the private and the public half do not belong together")
	errTrailing     = errors.New("unexpected bytes after the key")
)

// BadKeyError reports an invalid key, or a key that cannot be used or written
// as requested.
type BadKeyError struct {
	Path string // the file; empty if the key came from elsewhere
	Err  error  // the cause, never nil
}

// Error returns the file, if there is one, and the cause on one line.
func (e *BadKeyError) Error() string {
	return "keys: " + at(e.Path) + "bad key: " + text.Line(text.TrimPrefix(e.Err))
}

// Unwrap returns the cause.
func (e *BadKeyError) Unwrap() error { return e.Err }

// EncryptedKeyError reports that a private key is encrypted and no passphrase
// was given.
type EncryptedKeyError struct {
	Path   string // the file; empty if the key came from elsewhere
	Public *Key   // the public half if the file shows it unencrypted, else nil
}

// Error says that the passphrase is missing.
func (e *EncryptedKeyError) Error() string {
	return "keys: " + at(e.Path) + "the private key is encrypted; give its passphrase"
}

// BadSignatureAlgorithmError reports that a key cannot make signatures of the
// requested algorithm.
type BadSignatureAlgorithmError struct {
	Algorithm string   // the requested algorithm
	SSHType   string   // the type of the key
	Supported []string // the algorithms that the key can use
}

// Error names the algorithms that the key can use.
func (e *BadSignatureAlgorithmError) Error() string {
	return fmt.Sprintf("keys: a key of type %s makes no signatures of type %s; it makes %s",
		e.SSHType, text.Quote(e.Algorithm), strings.Join(e.Supported, ", "))
}

func badKey(err error) error { return &BadKeyError{Err: err} }

func badKeyf(format string, args ...any) error { return badKey(fmt.Errorf(format, args...)) }

// wrongPassphrase reports a private key that does not decrypt to a key.
func wrongPassphrase(err error) error {
	if err == nil {
		return badKey(ErrWrongPassphrase)
	}
	return badKeyf("%w: %w", ErrWrongPassphrase, err)
}

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
