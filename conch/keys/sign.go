package keys

import (
	"crypto/rand"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// SupportedSignatureAlgorithms returns the types of signatures that belong to the key, the best first: rsa-sha2-512, rsa-sha2-256 and
// ssh-rsa for RSA, else the SSH type alone (C-KEYS-13). A signer that the key was made from may make fewer.
func (k *Key) SupportedSignatureAlgorithms() []string {
	algorithms := []string{k.SSHType()}
	if k.Type() == RSA {
		algorithms = []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
	}
	if k.signer == nil {
		return algorithms
	}
	if _, any := k.signer.(gossh.AlgorithmSigner); !any {
		return []string{k.SSHType()}
	}
	if restricted, ok := k.signer.(gossh.MultiAlgorithmSigner); ok {
		allowed := restricted.Algorithms()
		return slices.DeleteFunc(algorithms, func(a string) bool { return !slices.Contains(allowed, a) })
	}
	return algorithms
}

// Sign signs the data and returns the signature in the wire format, its type and its bytes (RFC 4253, section 6.6; RFC 8332). An empty
// signatureType stands for SSHType, which for RSA means SHA-1: name another one there (C-KEYS-11).
//
// A type that the key cannot make gives a *BadSignatureAlgorithmError, a public key a *BadKeyError, and else the error is the signer's.
func (k *Key) Sign(data []byte, signatureType string) ([]byte, error) {
	if k.IsPublic() {
		return nil, badKey(ErrPublicKey)
	}
	if signatureType == "" {
		signatureType = k.SSHType()
	}
	if supported := k.SupportedSignatureAlgorithms(); !slices.Contains(supported, signatureType) {
		return nil, &BadSignatureAlgorithmError{signatureType, k.SSHType(), supported}
	}
	signature, err := k.sign(data, signatureType)
	if err != nil {
		return nil, err
	}
	return gossh.Marshal(signature), nil
}

func (k *Key) sign(data []byte, signatureType string) (*gossh.Signature, error) {
	if s, ok := k.signer.(gossh.AlgorithmSigner); ok {
		return s.SignWithAlgorithm(rand.Reader, data, signatureType)
	}
	return k.signer.Sign(rand.Reader, data)
}

// dsaSignature is the length in bytes of a DSA signature (RFC 4253, section 6.6).
const dsaSignature = 40

// Verify reports whether the signature, in the wire format, is one of the data by this key. One that is malformed or of a type that does not
// belong to the key is not. DSA signatures may come without their type, as old peers send them (C-KEYS-12). Signatures of keys in hardware
// must say that the user was there.
func (k *Key) Verify(signature, data []byte) bool {
	if k.Type() == DSA && len(signature) == dsaSignature {
		return k.public.Verify(data, &gossh.Signature{Format: k.SSHType(), Blob: signature}) == nil
	}
	s, err := ParseSignature(signature)
	if err != nil {
		return false
	}
	if _, hardware := k.application(); !hardware && len(s.Rest) > 0 {
		return false
	}
	return k.public.Verify(data, s) == nil
}

// ParseSignature reads a signature in the wire format, as Sign and agents return it, for use with golang.org/x/crypto/ssh.
func ParseSignature(signature []byte) (*gossh.Signature, error) {
	s := new(gossh.Signature)
	if err := gossh.Unmarshal(signature, s); err != nil {
		return nil, badKeyf("malformed signature: %w", err)
	}
	return s, nil
}
