package knownhosts

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

const defaultPort = 22

// Name is what a known_hosts file calls a host name or address at a port: the host in lower case when the port is 22 or 0, which
// stands for 22, else [host]:port. An IPv6 address may come in brackets.
func Name(host string, port int) string {
	if port == 0 {
		port = defaultPort
	}
	return lower(xknownhosts.Normalize(net.JoinHostPort(unbracket(host), strconv.Itoa(port))))
}

// unbracket takes an IPv6 address out of its brackets.
func unbracket(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		return inner[:len(inner)-1]
	}
	return host
}

// checkName refuses what cannot stand in a host column as the name of one host, so that no name can smuggle in a second
// column, a second line or a pattern.
func checkName(name string) error {
	bad := name == "" || len(name) > maxPattern || strings.ContainsAny(name, ",*?!|#@") ||
		strings.ContainsFunc(name, unicode.IsSpace) || strings.ContainsFunc(name, unicode.IsControl)
	if bad || strings.HasPrefix(name, "[]:") {
		return fmt.Errorf("%w: %q", ErrBadHost, name)
	}
	return nil
}
