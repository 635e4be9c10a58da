package knownhosts

import (
	"fmt"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// checkCertificate judges a certificate that a recorded authority has signed; nil when there is none such.
func (f *File) checkCertificate(hostname string, q *inquiry) error {
	authority := q.authority()
	if authority == nil {
		return nil
	}
	if err := f.validCertificate(hostname, q.cert); err != nil {
		return &CertificateError{Host: q.host.name, Certificate: q.cert, Authority: *authority, Err: err}
	}
	return nil
}

// validCertificate checks the certificate itself. The port is no part of the names in it, and they have no wildcards; one without
// names is good for every host that its authority may speak for.
func (f *File) validCertificate(hostname string, cert *gossh.Certificate) error {
	if cert.CertType != gossh.HostCert {
		return fmt.Errorf("it is of type %d, not that of a host", cert.CertType)
	}
	secure := gossh.SupportedAlgorithms().PublicKeyAuths
	if !slices.Contains(secure, cert.Signature.Format) {
		return fmt.Errorf("it is signed with %q, which is not safe", cert.Signature.Format)
	}
	checker := gossh.CertChecker{Clock: f.now}
	return checker.CheckCert(Name(hostname, defaultPort), cert)
}
