package sshconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// checkHost returns an error for a host name that is unsafe in a shell command.
// The rule is that of ssh.
func checkHost(host string) error {
	if strings.HasPrefix(host, "-") || strings.ContainsFunc(host, func(c rune) bool {
		return strings.ContainsRune("'`\"$\\;&<>|(){},", c) || unicode.IsSpace(c) || unicode.IsControl(c)
	}) {
		return fmt.Errorf("the host name %q contains invalid characters", host)
	}
	return nil
}

// checkUser returns an error for a user name that is unsafe in a shell command.
// The rule is that of ssh.
func checkUser(user string) error {
	bad := strings.HasPrefix(user, "-") || strings.HasSuffix(user, `\`)
	for i, c := range user {
		bad = bad || strings.ContainsRune("'`\";&<>|(){}", c) || unicode.IsControl(c) ||
			unicode.IsSpace(c) && strings.HasPrefix(user[i+len(string(c)):], "-")
	}
	if bad {
		return fmt.Errorf("the user name %q contains invalid characters", user)
	}
	return nil
}

// checkDomain accepts the names that are allowed in a URI and in
// CanonicalDomains. It returns the name without a final dot.
func checkDomain(name string) (string, error) {
	bad := name == "" || strings.Contains(name, "..")
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		bad = bad || !letter && (i == 0 || !strings.ContainsRune(".-_", c))
	}
	if bad {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	return strings.TrimSuffix(name, "."), nil
}

// normalizeHost returns a name in lower case, or an address in canonical form.
// An address that differs from the canonical form only in case is kept.
func normalizeHost(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addr, err = parseIPv4(host)
	}
	switch {
	case err == nil && !strings.EqualFold(addr.String(), host):
		return addr.String()
	case err == nil, strings.ContainsAny(host, "%:"): // the latter may be an address of an interface that is not here
		return host
	}
	return lower(host)
}

// lower turns ASCII letters to lower case, as ssh does.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, s)
}

// parseIPv4 reads the forms of inet_aton(3), such as 127.1 and 0x7f000001.
func parseIPv4(s string) (netip.Addr, error) {
	parts := strings.Split(s, ".")
	value := uint64(0)
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		base := 10
		if hex, ok := strings.CutPrefix(strings.ToLower(part), "0x"); ok {
			base, part = 16, hex
		} else if len(part) > 1 && part[0] == '0' {
			base = 8
		}
		n, err := strconv.ParseUint(part, base, 64)
		if err != nil || len(parts) > 4 || n>>bits != 0 {
			return netip.Addr{}, errors.New("not an IPv4 address")
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), nil
}

// isAddress reports whether a normalized host is an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.ContainsAny(host, "%:") || strings.Trim(host, "0123456789.") == ""
}
