package knownhosts

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// Outcome is the result of judging a key that is not refused.
type Outcome int

const (
	// Unknown means that no key is recorded for the host. Ask the user, and
	// call [File.Accept] if the user agrees.
	Unknown Outcome = iota

	// Known means that the key is recorded for the host and its address, or
	// that a valid certificate proves it.
	Known

	// KnownAddIP means that the key is recorded for the host, but nothing is
	// recorded for its address. Warn the user and call [File.Accept].
	KnownAddIP
)

// String returns a short description of the outcome.
func (o Outcome) String() string {
	switch o {
	case Known:
		return "known"
	case KnownAddIP:
		return "known, address not recorded"
	default:
		return "unknown"
	}
}

// Verdict is the result of [File.Check]. The outcome of the zero Verdict is
// Unknown.
type Verdict struct {
	Outcome Outcome
	Name    Name            // the host, as passed to Check
	Address Name            // the address that was looked up; zero if none was
	Key     gossh.PublicKey // the host's key; of a certificate, the key inside it
	Missing []Name          // the names under which Accept records Key
}

// Message returns the text for the user. For Unknown it is a question that
// shows the host, its address, the type of the key and the SHA-256 fingerprint
// as ssh-keygen -l prints it; the question ends where the user types yes or no.
// For KnownAddIP the text is a warning that ends with a newline. For Known it
// is empty. Names are quoted, so the text is safe for a terminal.
func (v Verdict) Message() string {
	switch v.Outcome {
	case Known:
		return ""
	case KnownAddIP:
		return fmt.Sprintf("Warning: the %s key of host %s is now recorded for its address %s too.\n",
			keyTypeName(v.Key), text.Quote(v.Name.String()), text.Quote(v.Address.String()))
	}
	host := text.Quote(v.Name.String())
	if v.Address != (Name{}) {
		host += fmt.Sprintf(" (address %s)", text.Quote(v.Address.String()))
	}
	return fmt.Sprintf("No key is recorded for host %s.\n"+
		"The host presented the %s key with the fingerprint\n%s\n"+
		"Trust this key, record it and continue (yes/no)? ", host, keyTypeName(v.Key), gossh.FingerprintSHA256(v.Key))
}
