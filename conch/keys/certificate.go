package keys

import (
	"bytes"
	"errors"

	gossh "golang.org/x/crypto/ssh"
)

// CertificateFromFile reads a certificate from a file of at most 1 MiB: a line
// as ssh-keygen writes it, or the wire format (OpenSSH's PROTOCOL.certkeys).
// ssh looks for the certificate of the key "id" in "id-cert.pub". The
// certificate is not checked: the peer that it is presented to decides. The
// error is a *BadKeyError if the file has no certificate; it wraps an error of
// package os if the file cannot be read.
func CertificateFromFile(path string) (*gossh.Certificate, error) {
	data, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	certificate, err := parseCertificate(data)
	if err != nil {
		return nil, inFile(path, err)
	}
	return certificate, nil
}

func parseCertificate(data []byte) (*gossh.Certificate, error) {
	var public gossh.PublicKey
	var err error
	if bytes.HasPrefix(data, []byte{0, 0, 0}) {
		public, err = gossh.ParsePublicKey(data)
	} else {
		public, _, err = publicLine(data)
	}
	if _, bad := errors.AsType[*BadKeyError](err); bad {
		return nil, err
	}
	if err != nil {
		return nil, badKey(err)
	}
	certificate, ok := public.(*gossh.Certificate)
	if !ok {
		return nil, badKeyf("this is a key, not a certificate; use FromFile")
	}
	return certificate, nil
}
