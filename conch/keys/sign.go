package keys

import (
	"crypto/rand"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// SupportedSignatureAlgorithms returns the signature algorithms of the key, the
// best first: rsa-sha2-512, rsa-sha2-256 and ssh-rsa for RSA, the SSH type for
// the others. A Key made from an ssh.Signer may support fewer.
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

// Sign signs data and returns the signature in the wire format: algorithm and
// bytes (RFC 4253, section 6.6; RFC 8332). An empty algorithm means SSHType.
// For RSA that is ssh-rsa, which uses SHA-1 and which most servers refuse: name
// rsa-sha2-512.
//
// If the key cannot make such a signature the error is a
// *BadSignatureAlgorithmError. If k is public the error is a *BadKeyError that
// wraps ErrPublicKey. Other errors are the signer's.
func (k *Key) Sign(data []byte, algorithm string) ([]byte, error) {
	if k.IsPublic() {
		return nil, badKey(ErrPublicKey)
	}
	if algorithm == "" {
		algorithm = k.SSHType()
	}
	if supported := k.SupportedSignatureAlgorithms(); !slices.Contains(supported, algorithm) {
		return nil, &BadSignatureAlgorithmError{algorithm, k.SSHType(), supported}
	}
	signature, err := k.sign(data, algorithm)
	if err != nil {
		return nil, err
	}
	return gossh.Marshal(signature), nil
}

func (k *Key) sign(data []byte, algorithm string) (*gossh.Signature, error) {
	if s, ok := k.signer.(gossh.AlgorithmSigner); ok {
		return s.SignWithAlgorithm(rand.Reader, data, algorithm)
	}
	return k.signer.Sign(rand.Reader, data)
}

// dsaSignature is the length in bytes of a DSA signature (RFC 4253, section
// 6.6).
const dsaSignature = 40

// Verify reports whether signature, in the wire format, was made over data with
// the private half of k. A malformed signature, and an algorithm that does not
// belong to the key, give false. A DSA signature may lack its algorithm, as old
// peers send it. The signature of a hardware key must state that the user was
// present.
func (k *Key) Verify(signature, data []byte) bool {
	if k.Type() == DSA && len(signature) == dsaSignature {
		return k.public.Verify(data, &gossh.Signature{Format: k.SSHType(), Blob: signature}) == nil
	}
	s := new(gossh.Signature)
	if err := gossh.Unmarshal(signature, s); err != nil {
		return false
	}
	if hardware := strings.HasPrefix(k.SSHType(), "sk-"); !hardware && len(s.Rest) > 0 {
		return false
	}
	return k.public.Verify(data, s) == nil
}
