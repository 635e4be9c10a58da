package knownhosts

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// authority returns the entry of the authority that signed the certificate and
// can do so for the host, or nil.
func (q *inquiry) authority() *entry {
	if q.host.authority != nil {
		return q.host.authority
	}
	return q.bare.authority
}

// checkCertificate returns an error if a recorded authority has signed the
// certificate but the certificate is not valid.
func (q *inquiry) checkCertificate() error {
	authority := q.authority()
	if authority == nil {
		return nil
	}
	if err := validCertificate(q.host.name, q.cert); err != nil {
		return fmt.Errorf("knownhosts: the certificate %s of host %s, signed by the authority in %s, is not valid: %w",
			text.Quote(q.cert.KeyId), text.Quote(q.host.name.String()), place(authority.path, authority.line), err)
	}
	return nil
}

// validCertificate checks the certificate itself. The names in a certificate
// have no ports and no wildcards. A certificate without names is valid for all
// hosts of its authority.
func validCertificate(name Name, cert *gossh.Certificate) error {
	if cert.CertType != gossh.HostCert {
		return fmt.Errorf("its type is %d, which is not a host certificate", cert.CertType)
	}
	secure := gossh.SupportedAlgorithms().PublicKeyAuths
	if !slices.Contains(secure, cert.Signature.Format) {
		return fmt.Errorf("it is signed with the insecure algorithm %s", text.Quote(cert.Signature.Format))
	}
	var checker gossh.CertChecker
	if err := checker.CheckCert(name.host, cert); err != nil {
		return errors.New(text.Line(err.Error())) // the text has names from the certificate
	}
	return nil
}
