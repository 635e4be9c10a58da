package knownhosts

import (
	"fmt"
	"strconv"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// maxText is the length, in bytes, from which quote and oneLine truncate.
const maxText = 500

// quote returns a name or path between double quotes on one printable line.
func quote(s string) string {
	if len(s) > maxText {
		return strconv.Quote(s[:maxText]) + "..."
	}
	return strconv.Quote(s)
}

// oneLine returns a text from elsewhere as one printable line.
func oneLine(s string) string {
	quoted := strings.TrimSuffix(quote(s), "...")
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// place returns the position of a line for messages.
func place(path string, line int) string {
	if path == "" {
		return "the accepted keys that could not be saved"
	}
	return fmt.Sprintf("%s, line %d", quote(path), line)
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
