package knownhosts

import (
	"fmt"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// KeyTypeName is the kind of a key, or of the key in a certificate, as people know it: RSA, ECDSA (for each curve), ED25519. A
// kind that it does not know has its SSH name.
func KeyTypeName(key gossh.PublicKey) string {
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

// Question is the text that asks the user about an unknown host (C-CLIENT-44): it names the host, the address, the kind of key and
// its SHA-256 fingerprint, and the lines that hold keys of other kinds for this host. It ends where the answer is typed, yes or
// no. The fingerprint is written as ssh and ssh-keygen -l write it, without the padding that Conch adds, because people compare
// the two.
func (v Verdict) Question() string {
	var b strings.Builder
	fmt.Fprintf(&b, "No key is recorded for host %s, so nothing proves that this is it.\n", v.hostAndIP())
	fmt.Fprintf(&b, "It presents the %s key with fingerprint %s\n", KeyTypeName(v.Key), gossh.FingerprintSHA256(v.Key))
	for _, other := range v.Others {
		fmt.Fprintf(&b, "Beware: another key of this host, of type %s, is recorded in %s.\n", KeyTypeName(other.Key), place(other))
	}
	b.WriteString("Trust this key, record it and go on (yes/no)? ")
	return b.String()
}

// Warning is the line that tells the user that the key of a known host is being recorded for its address too (C-CLIENT-41).
func (v Verdict) Warning() string {
	return fmt.Sprintf("Warning: the %s key of %s was not recorded for its address %s; adding it.\n", KeyTypeName(v.Key), v.Host, v.IP)
}

func (v Verdict) hostAndIP() string {
	if v.IP == "" {
		return v.Host
	}
	return fmt.Sprintf("%s (%s)", v.Host, v.IP)
}

// Warning is the message for a user whose connection was refused because a key has changed: what is recorded and where, what came
// instead, and what to do.
func (e *HostKeyChangedError) Warning() string {
	var b strings.Builder
	b.WriteString(banner("WARNING: THIS HOST PRESENTS ANOTHER KEY THAN BEFORE!"))
	fmt.Fprintf(&b, "Host:      %s\n", e.Host)
	fmt.Fprintf(&b, "Recorded:  %s (%s) in %s\n", e.Want, KeyTypeName(e.OffendingEntry.Key), place(e.OffendingEntry))
	fmt.Fprintf(&b, "Presented: %s (%s)\n", e.Got, KeyTypeName(e.Key))
	b.WriteString("Either its administrator has replaced the key, or somebody between you and the host is posing as it\n" +
		"and would see all that you send, passwords included. The connection was refused.\n" +
		"Ask the administrator for the fingerprint. Only if it is the presented one, ")
	b.WriteString(e.remedy() + ", and connect again.\n")
	return b.String()
}

// remedy says how to get rid of the offending line.
func (e *HostKeyChangedError) remedy() string {
	if e.Path == "" {
		return "drop the addition that was not saved"
	}
	return fmt.Sprintf("remove line %d of %s, or run ssh-keygen -f %s -R %s",
		e.LineNo, e.Path, shellQuote(e.Path), shellQuote(e.Host))
}

// Warning is the message for a user whose connection was refused because a key is revoked.
func (e *RevokedKeyError) Warning() string {
	var b strings.Builder
	b.WriteString(banner("WARNING: THIS HOST PRESENTS A REVOKED KEY!"))
	fmt.Fprintf(&b, "Host:    %s\n", e.Host)
	fmt.Fprintf(&b, "Revoked: %s (%s) by %s\n", gossh.FingerprintSHA256(e.Entry.Key), KeyTypeName(e.Entry.Key), place(e.Entry))
	b.WriteString("A key is revoked when others may have got hold of it: somebody could be posing as this host.\n" +
		"The connection was refused. Ask the administrator of the host for a new key.\n")
	return b.String()
}

// banner frames a line so that it cannot be overlooked.
func banner(text string) string {
	rule := strings.Repeat("@", len(text)+len("@  ")*2)
	return fmt.Sprintf("%s\n@  %s  @\n%s\n", rule, text, rule)
}

// shellQuote makes one word of s for a POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
