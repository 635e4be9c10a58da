package reactor

import (
	"crypto/tls"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// hostNames is idna.Lookup, which maps case and composition and checks the
// labels, with the lengths of RFC 1035 section 2.3.4.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// ToASCII returns the form of a host name that the DNS and TLS use: IDNA (UTS
// 46, RFC 5891), so "bücher.example" becomes "xn--bcher-kva.example". An ASCII
// name is returned unchanged and unchecked. ToASCII returns an error that
// quotes the name in escaped form if the name is not UTF-8, if a label is too
// long, or if a label has characters that IDNA forbids. Any goroutine may call
// ToASCII.
func ToASCII(host string) (string, error) {
	if isASCII(host) {
		return host, nil
	}
	if !utf8.ValidString(host) {
		// Package idna would encode the replacement character.
		return "", fmt.Errorf("reactor: host name %+q is not UTF-8", host)
	}
	name, root := strings.CutSuffix(host, ".")
	ascii, err := hostNames.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("reactor: host name %+q: %w", host, err)
	}
	if root {
		ascii += "."
	}
	return ascii, nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c >= utf8.RuneSelf }) < 0
}

// ClientTLSConfig returns config with a ServerName that TLS can send and
// verify: config's own, or else host, in its IDNA form. A name without such a
// form stays as it is, so that the handshake fails. A config that needs no
// change is returned as it is, otherwise a clone; nil stands for the zero
// config. Any goroutine may call ClientTLSConfig.
func ClientTLSConfig(config *tls.Config, host string) *tls.Config {
	if config == nil {
		config = new(tls.Config)
	}
	name := config.ServerName
	if name == "" {
		name = host
	}
	if ascii, err := ToASCII(name); err == nil {
		name = ascii
	}
	if name != config.ServerName {
		config = config.Clone()
		config.ServerName = name
	}
	return config
}
