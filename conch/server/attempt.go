package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// AuthResult is the outcome of an attempt to log in.
type AuthResult string

// The outcomes of an attempt.
const (
	AuthAccepted  AuthResult = "Accepted"
	AuthFailed    AuthResult = "Failed"
	AuthPartial   AuthResult = "Partial"   // accepted, but the login needs other methods too
	AuthPostponed AuthResult = "Postponed" // the client may use a key that it has offered
)

// AuthAttempt is one attempt to log in, for logs. It has no secrets.
type AuthAttempt struct {
	Login  *Login
	Method string // as the client has sent it
	Result AuthResult

	Key         gossh.PublicKey // of the method publickey; a *gossh.Certificate if it is a certificate
	Source      string          // where the key is listed, such as a file and a line
	UnknownUser bool
	Failures    int           // of this connection so far, with this one
	Elapsed     time.Duration // from the request to the answer
	Err         error         // why it failed; the client does not get it

	began  time.Time
	cutOff bool // by the end of the connection
}

// Message returns a line in the form of OpenSSH's log, such as "Accepted
// publickey for alice from 192.0.2.1 port 50022 ssh2: ED25519 SHA256:…". A user
// name with unusual characters is quoted.
func (a *AuthAttempt) Message() string {
	user := quoteUnusual(a.Login.User)
	if a.UnknownUser {
		user = "invalid user " + user
	}
	host, port := splitAddr(a.Login.Remote)
	key := ""
	if a.Key != nil {
		key = ": " + describeKey(a.Key)
	}
	return fmt.Sprintf("%s %s for %s from %s port %s ssh2%s", a.Result, quoteUnusual(a.Method), user, host, port, key)
}

// splitAddr returns the host and the port of an address.
func splitAddr(addr net.Addr) (host, port string) {
	if addr == nil {
		return "UNKNOWN", "0"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return text.Line(addr.String()), "0"
	}
	return host, port
}

// quoteUnusual quotes a name unless it consists of characters that user names
// usually have.
func quoteUnusual(name string) string {
	if len(name) > 64 {
		return text.Quote(name)
	}
	return text.Name(name)
}

// userAttr returns the field of a log record for a user. The name is "" as long
// as the client has sent none.
func userAttr(name string) slog.Attr {
	if name != "" {
		name = quoteUnusual(name)
	}
	return slog.String("user", name)
}

// describeKey returns the type and the fingerprint of a key, and the id, the
// serial number and the authority of a certificate.
func describeKey(key gossh.PublicKey) string {
	c, ok := key.(*gossh.Certificate)
	if !ok {
		return keyType(key) + " " + gossh.FingerprintSHA256(key)
	}
	return fmt.Sprintf("%s-CERT %s ID %s (serial %d) CA %s %s", keyType(c.Key), gossh.FingerprintSHA256(c.Key),
		quoteUnusual(c.KeyId), c.Serial, keyType(c.SignatureKey), gossh.FingerprintSHA256(c.SignatureKey))
}

// keyType returns OpenSSH's short name of a type.
func keyType(key gossh.PublicKey) string {
	switch t := key.Type(); t {
	case gossh.KeyAlgoED25519:
		return "ED25519"
	case gossh.KeyAlgoSKED25519:
		return "ED25519-SK"
	case gossh.KeyAlgoSKECDSA256:
		return "ECDSA-SK"
	case gossh.KeyAlgoRSA:
		return "RSA"
	default:
		if strings.HasPrefix(t, "ecdsa-") {
			return "ECDSA"
		}
		return t
	}
}

// attrs returns the fields of a log record.
func (a *AuthAttempt) attrs() []any {
	l := a.Login
	fields := []any{
		userAttr(l.User), "method", text.Line(a.Method), "result", string(a.Result), "remote", l.Remote, "local", l.Local,
		"version", l.ClientVersion, "elapsed", a.Elapsed,
	}
	if a.Key != nil {
		fields = append(fields, "key", describeKey(a.Key))
	}
	if a.Source != "" {
		fields = append(fields, "source", text.Line(a.Source))
	}
	if a.Result == AuthFailed {
		fields = append(fields, "unknownUser", a.UnknownUser, "failures", a.Failures, "err", text.Line(text.TrimPrefix(a.Err)))
	}
	return fields
}

// level returns the level of the log record.
func (a *AuthAttempt) level() slog.Level {
	switch {
	case a.Result == AuthPostponed || a.Method == "none" && a.Result == AuthFailed:
		return slog.LevelDebug
	case a.Result == AuthFailed && !a.cutOff && !a.isRefusal():
		return slog.LevelWarn // something is broken
	default:
		return slog.LevelInfo
	}
}

// isRefusal reports whether the attempt failed because a checker refused it, or
// because the client used a method that is not offered.
func (a *AuthAttempt) isRefusal() bool {
	return errors.Is(a.Err, cred.ErrUnauthorized) || errors.Is(a.Err, cred.ErrUnhandled) || strings.HasPrefix(a.Err.Error(), "ssh: ")
}
