package agent

import gossh "golang.org/x/crypto/ssh"

// SignFlags choose among the types of signatures that a key can make (draft-miller-ssh-agent, section 4.5.1).
type SignFlags uint32

// The flags, which are for RSA keys; others ignore them.
const (
	SignRSASHA256 SignFlags = 2 // rsa-sha2-256
	SignRSASHA512 SignFlags = 4 // rsa-sha2-512
)

// FlagsFor returns the flags that ask for a type of signature, such as "rsa-sha2-512": none for the types that need none.
func FlagsFor(signatureType string) SignFlags {
	switch signatureType {
	case gossh.KeyAlgoRSASHA256:
		return SignRSASHA256
	case gossh.KeyAlgoRSASHA512:
		return SignRSASHA512
	default:
		return 0
	}
}

// signatureType returns what the flags ask of an RSA key; as with OpenSSH the first flag wins.
func (f SignFlags) signatureType() string {
	switch {
	case f&SignRSASHA256 != 0:
		return gossh.KeyAlgoRSASHA256
	case f&SignRSASHA512 != 0:
		return gossh.KeyAlgoRSASHA512
	default:
		return gossh.KeyAlgoRSA
	}
}
