package knownhosts

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// place returns the position of a line for messages.
func place(path string, line int) string {
	if path == "" {
		return "the accepted keys that could not be saved"
	}
	return fmt.Sprintf("%s, line %d", text.Quote(path), line)
}

// printablePath reports whether a terminal can show the path as it is.
func printablePath(path string) bool { return printable(strings.ReplaceAll(path, " ", "")) }

// shellQuote returns s as one word for a POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// keyTypeName returns the type of a key, or of the key inside a certificate, as
// ssh shows it. A type without such a name is shown by its SSH name.
func keyTypeName(key gossh.PublicKey) string {
	switch name := plainKey(key).Type(); name {
	case gossh.KeyAlgoRSA:
		return "RSA"
	case "ssh-dss":
		return "DSA"
	case gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521:
		return "ECDSA"
	case gossh.KeyAlgoED25519:
		return "ED25519"
	case gossh.KeyAlgoSKECDSA256:
		return "ECDSA-SK"
	case gossh.KeyAlgoSKED25519:
		return "ED25519-SK"
	default:
		return name
	}
}
