package reactor

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// hostNames is idna.Lookup, which maps case and composition and checks the labels, with the lengths of RFC 1035 section 2.3.4.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// ToASCII returns the form of a host name that is asked for in the DNS, that of IDNA (UTS 46, RFC 5891). A name that is ASCII is left as it
// is, whatever is in it. One that has no such form, because it is not UTF-8 or a label is too long or has characters that no name may
// have, is an error that quotes it in escaped form (R118, R389).
func ToASCII(host string) (string, error) {
	if isASCII(host) {
		return host, nil
	}
	if !utf8.ValidString(host) {
		return "", fmt.Errorf("reactor: host name %+q is not UTF-8", host) // package idna would encode the replacement character
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
