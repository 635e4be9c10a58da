package knownhosts

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/internal/text"
)

const (
	defaultPort = 22
	maxPort     = 65535
)

// Name is the name under which the keys of a host are looked up and recorded.
// Make a Name with [HostPort] or [Alias]. The zero Name is not valid. Names can
// be compared with ==.
type Name struct {
	host string // in lower case; an IPv6 address has no brackets
	port int    // 0 for an alias
}

// HostPort returns the Name of a host, which is a host name or an IP address,
// with its port. Port 0 means 22. Upper-case ASCII letters become lower-case,
// as in ssh; other letters do not change. An IPv6 address may be in brackets.
func HostPort(host string, port int) Name {
	if port == 0 {
		port = defaultPort
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = inner[:len(inner)-1]
	}
	return Name{host: lower(host), port: port}
}

// Alias returns the Name of a host for which the user has set ssh's
// HostKeyAlias. As in ssh, an alias is looked up and recorded without a port,
// whatever the port of the connection, and the address of the host is not
// compared.
func Alias(alias string) Name { return Name{host: lower(alias)} }

// String returns the name as known_hosts files contain it: the host or alias,
// or [host]:port if the port is not 22.
func (n Name) String() string {
	if n.port == 0 || n.port == defaultPort {
		return n.host
	}
	return "[" + n.host + "]:" + strconv.Itoa(n.port)
}

// withoutPort returns the Name that ssh tries if n is not recorded, or n itself
// if there is no such name.
func (n Name) withoutPort() Name {
	if n.port == 0 {
		return n
	}
	return HostPort(n.host, defaultPort)
}

// validate returns an error if n cannot be in a host column as the name of one
// host. No name can add a column, a line or a pattern to a file.
func (n Name) validate() error {
	switch {
	case n.host == "":
		return errors.New("knownhosts: the host has no name; make the Name with HostPort or Alias")
	case n.port < 0 || n.port > maxPort:
		return fmt.Errorf("knownhosts: port %d of host %s is not between 1 and %d", n.port, text.Quote(n.host), maxPort)
	case len(n.String()) > maxPattern || strings.ContainsAny(n.host, `,*?!|#@'"\`) || !printable(n.host):
		return fmt.Errorf("knownhosts: %s is not the name of a host", text.Quote(n.host))
	case n.port != 0 && strings.ContainsAny(n.host, "[]"):
		return fmt.Errorf("knownhosts: %s is not the name of a host; pass the port to HostPort", text.Quote(n.host))
	}
	return nil
}

// printable reports whether s is UTF-8 that a terminal can show in one word.
func printable(s string) bool {
	hidden := func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }
	return utf8.ValidString(s) && !strings.ContainsFunc(s, hidden)
}
