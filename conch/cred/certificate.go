package cred

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	gossh "golang.org/x/crypto/ssh"
)

// checkCertificate judges a user certificate whose authority is trusted. One of
// the principals must be in the certificate. It returns what the certificate
// allows.
func checkCertificate(c *gossh.Certificate, principals []string, remote net.Addr, now time.Time) (Grant, error) {
	if c.CertType != gossh.UserCert {
		return Grant{}, refuse("the certificate is not for a user")
	}
	if c.Signature.Format == gossh.KeyAlgoRSA {
		return Grant{}, refuse("the certificate is signed with SHA-1")
	}
	if err := usable(c.SignatureKey); err != nil {
		return Grant{}, refuse("the authority is " + err.Error())
	}
	if err := usable(c.Key); err != nil {
		return Grant{}, refuse("the certified key is " + err.Error())
	}
	principal := slices.IndexFunc(principals, func(p string) bool { return slices.Contains(c.ValidPrincipals, p) })
	if principal < 0 {
		return Grant{}, refuse("the certificate is not for " + text.Quote(first(principals)))
	}
	restrictions, err := criticalOptions(c.CriticalOptions, remote)
	if err != nil {
		return Grant{}, err
	}
	// The options have been checked.
	known := gossh.CertChecker{
		Clock: func() time.Time { return now }, SupportedCriticalOptions: slices.Collect(maps.Keys(c.CriticalOptions)),
	}
	if err := known.CheckCert(principals[principal], c); err != nil {
		return Grant{}, refuse("the certificate is not valid: " + err.Error())
	}
	allow(&restrictions, c.Extensions)
	_, noTouch := c.Extensions["no-touch-required"]
	return Grant{Restrictions: restrictions, NoTouch: noTouch}, nil
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// criticalOptions obeys the options that a server must not ignore.
func criticalOptions(options map[string]string, remote net.Addr) (r Restrictions, err error) {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := options[name]
		switch name {
		case "force-command":
			if r.Command = value; value == "" {
				return r, refuse("the force-command of the certificate is empty")
			}
		case "source-address":
			ok, err := matchAddresses(value, remote)
			if err != nil {
				return r, refuse("the source-address of the certificate: " + err.Error())
			}
			if !ok {
				return r, refuse("the address of the client is not in the source-address of the certificate")
			}
		default: // verify-required is among them
			return r, refuse(fmt.Sprintf("the critical option %s of the certificate is not supported", text.Quote(name)))
		}
	}
	return r, nil
}

// allow forbids what the extensions of a certificate do not permit.
func allow(r *Restrictions, extensions map[string]string) {
	lacks := func(name string) bool { _, ok := extensions[name]; return !ok }
	r.NoAgentForwarding = lacks("permit-agent-forwarding")
	r.NoPortForwarding = lacks("permit-port-forwarding")
	r.NoPTY = lacks("permit-pty")
	r.NoUserRC = lacks("permit-user-rc")
	r.NoX11Forwarding = lacks("permit-X11-forwarding")
}
