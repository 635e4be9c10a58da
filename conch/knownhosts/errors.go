package knownhosts

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// HostKeyChangedError is returned by [File.Check] if other keys than the
// presented key are recorded for the host or its address. Somebody may be
// impersonating the host.
type HostKeyChangedError struct {
	Name     Name            // the host or the address
	Key      gossh.PublicKey // the key that the server presented
	Recorded gossh.PublicKey // the recorded key
	Path     string          // its file; empty for an accepted key that is not saved
	Line     int             // its line, from 1; 0 for an accepted key that is not saved
}

// Error shows both fingerprints, the place of the recorded key and the way to
// remove the recorded key.
func (e *HostKeyChangedError) Error() string {
	return fmt.Sprintf("knownhosts: the key of host %s has changed: "+
		"the %s key %s is recorded in %s, the server presented the %s key %s; "+
		"if the administrator of the host confirms the new key, %s",
		text.Quote(e.Name.String()), keyTypeName(e.Recorded), gossh.FingerprintSHA256(e.Recorded), place(e.Path, e.Line),
		keyTypeName(e.Key), gossh.FingerprintSHA256(e.Key), e.remedy())
}

// remedy says how to remove the recorded key. A path that is not printable is
// shown quoted for Go, so it is not made into a command.
func (e *HostKeyChangedError) remedy() string {
	switch {
	case e.Path == "":
		return "restart the program, which has the old key in memory only"
	case !printablePath(e.Path):
		return fmt.Sprintf("remove line %d of %s", e.Line, text.Quote(e.Path))
	}
	return fmt.Sprintf("remove line %d of %s, or run ssh-keygen -f %s -R %s",
		e.Line, text.Quote(e.Path), shellQuote(e.Path), shellQuote(e.Name.String()))
}

// RevokedKeyError is returned by [File.Check] if the presented key, the key
// inside the presented certificate or the authority that signed the certificate
// is on a @revoked line.
type RevokedKeyError struct {
	Name    Name            // the host that presented the key
	Key     gossh.PublicKey // the key or certificate that the server presented
	Revoked gossh.PublicKey // the key on the @revoked line
	Path    string          // the file of the @revoked line
	Line    int             // the number of the @revoked line, from 1
}

// Error shows the revoked key and the place of the @revoked line.
func (e *RevokedKeyError) Error() string {
	return fmt.Sprintf("knownhosts: the %s key %s of host %s is revoked by %s; "+
		"ask the administrator of the host for a new key",
		keyTypeName(e.Revoked), gossh.FingerprintSHA256(e.Revoked), text.Quote(e.Name.String()), place(e.Path, e.Line))
}

// withoutPath returns the cause of a file error. The path is in the caller's
// message, where it is quoted.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
