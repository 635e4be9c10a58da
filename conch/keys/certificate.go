package keys

import (
	"bytes"
	"errors"

	gossh "golang.org/x/crypto/ssh"
)

var errNoCertificate = errors.New("this is a key, not a certificate")

// CertificateFromFile reads a certificate from a file of at most MaxFileSize bytes, as in CertificateFromString, with the path in the errors.
// A file that cannot be read gives the error of package os, wrapped.
func CertificateFromFile(path string) (*gossh.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	certificate, err := CertificateFromString(data)
	if err != nil {
		return nil, inFile(path, err)
	}
	return certificate, nil
}

// CertificateBeside reads the certificate that stands beside a private key file, where ssh looks for it too: in the file whose name ends in
// "-cert.pub" in addition. If there is none the error is fs.ErrNotExist.
func CertificateBeside(path string) (*gossh.Certificate, error) {
	return CertificateFromFile(path + "-cert.pub")
}

// CertificateFromString reads a certificate, a line as ssh-keygen writes it or the wire format (OpenSSH's PROTOCOL.certkeys). It is not
// looked at whether it is valid: that is for the one to whom it is presented. Errors are BadKeyErrors.
func CertificateFromString(data []byte) (*gossh.Certificate, error) {
	parse := publicLine
	if bytes.HasPrefix(data, []byte{0, 0, 0}) {
		parse = gossh.ParsePublicKey
	}
	public, err := parse(data)
	if _, bad := errors.AsType[*BadKeyError](err); bad {
		return nil, err
	}
	if err != nil {
		return nil, badKey(err)
	}
	certificate, ok := public.(*gossh.Certificate)
	if !ok {
		return nil, badKey(errNoCertificate)
	}
	return certificate, nil
}

// CertSigner returns a signer that presents the certificate and signs with the key. A public key, and a certificate of another key, give a
// BadKeyError.
func (k *Key) CertSigner(certificate *gossh.Certificate) (gossh.Signer, error) {
	signer, err := k.Signer()
	if err != nil {
		return nil, err
	}
	presenting, err := gossh.NewCertSigner(certificate, signer)
	if err != nil {
		return nil, badKey(err)
	}
	return presenting, nil
}
