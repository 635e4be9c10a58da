package knownhosts

import (
	"errors"
	"fmt"

	gossh "golang.org/x/crypto/ssh"
)

var (
	// ErrUserRejectedKey is what a caller fails with when the user answered no to the question about an unknown host
	// (C-CLIENT-45). Nothing in this package returns it.
	ErrUserRejectedKey = errors.New("knownhosts: the user rejected the host key")

	// ErrBadHost is found in the error for a name that cannot stand in a known_hosts file as that of one host.
	ErrBadHost = errors.New("knownhosts: not the name of a host")
)

// HostKeyChangedError says that another key is recorded than the one that a server presented, Conch's HostKeyChanged
// (C-CLIENT-38).
type HostKeyChangedError struct {
	Host           string          // the name or address whose record contradicts, as Name writes it
	Key            gossh.PublicKey // the key that the server presented
	OffendingEntry Entry           // the first line that contradicts
	Path           string          // its file, empty when it is an addition that is not saved
	LineNo         int             // its line, from 1; 0 when it is not saved
	Want, Got      string          // fingerprints of the recorded and of the presented key, as ssh-keygen -l prints them
}

func newHostKeyChangedError(host string, offending Entry, key gossh.PublicKey) *HostKeyChangedError {
	return &HostKeyChangedError{
		Host:           host,
		Key:            key,
		OffendingEntry: offending,
		Path:           offending.Path,
		LineNo:         offending.Line,
		Want:           gossh.FingerprintSHA256(offending.Key),
		Got:            gossh.FingerprintSHA256(key),
	}
}

func (e *HostKeyChangedError) Error() string {
	return fmt.Sprintf("knownhosts: the %s key of %s has changed: %s is recorded in %s, the server has %s; if that is right, %s",
		KeyTypeName(e.Key), e.Host, e.Want, place(e.OffendingEntry), e.Got, e.remedy())
}

// RevokedKeyError says that the key, or the key inside the certificate, or the authority that signed it, is revoked.
type RevokedKeyError struct {
	Host  string          // the host that presented the key, as Name writes it
	Key   gossh.PublicKey // the key or certificate that the server presented
	Entry Entry           // the line that revokes, with its Path and Line
}

func (e *RevokedKeyError) Error() string {
	return fmt.Sprintf("knownhosts: the %s key %s of %s is revoked by %s",
		KeyTypeName(e.Entry.Key), gossh.FingerprintSHA256(e.Entry.Key), e.Host, place(e.Entry))
}

// CertificateError says why a certificate was refused although a recorded authority has signed it.
type CertificateError struct {
	Host        string // the host that presented it, as Name writes it
	Certificate *gossh.Certificate
	Authority   Entry // the line that holds the authority
	Err         error // the reason
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("knownhosts: the certificate %q of %s, signed by the authority in %s, is not valid: %v",
		e.Certificate.KeyId, e.Host, place(e.Authority), e.Err)
}

func (e *CertificateError) Unwrap() error { return e.Err }

// LimitError says that a file is larger or has a longer line than this package reads.
type LimitError struct {
	Path  string
	Line  int // the long line, from 1; 0 when the file is too large
	Limit int // in bytes
}

func (e *LimitError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("knownhosts: %s is larger than %d bytes; remove old lines", e.Path, e.Limit)
	}
	return fmt.Sprintf("knownhosts: line %d of %s is longer than %d bytes; shorten or remove it", e.Line, e.Path, e.Limit)
}

// place says where a line is.
func place(e Entry) string {
	if e.Path == "" {
		return "an addition that is not saved yet"
	}
	return fmt.Sprintf("%s, line %d", e.Path, e.Line)
}
