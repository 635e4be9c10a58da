package sshconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

const defaultPort = 22

// destination is a host as a user or ProxyJump names it.
type destination struct {
	user, host string
	port       int // zero if not given
}

// parseDestination reads [user@]host[:port], an address with or without
// brackets, or ssh://[user@]host[:port].
func parseDestination(s string) (destination, error) {
	d, err := parseURI(s)
	if errors.Is(err, errNoURI) {
		d, err = parseName(s)
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return destination{}, fmt.Errorf("sshconfig: %q: %w", s, err)
	}
	return d, nil
}

// check returns an error if a name has characters that are unsafe in a shell
// command.
func (d destination) check() error {
	if err := checkHost(d.host); err != nil {
		return err
	}
	return checkUser(d.user)
}

// parseName reads [user@]host[:port]. Unlike parseHop, parseName accepts an
// IPv6 address without brackets.
func parseName(s string) (destination, error) {
	at := strings.LastIndexByte(s, '@')
	if _, err := netip.ParseAddr(s[at+1:]); err != nil || at == 0 {
		return parseHop(s)
	}
	return destination{user: s[:max(at, 0)], host: s[at+1:]}, nil
}

// parseHop reads [user@]host[:port] as in ProxyJump.
func parseHop(s string) (destination, error) {
	var d destination
	rest := s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		d.user, rest = s[:at], s[at+1:]
		if d.user == "" {
			return d, errors.New("the user name before @ is missing")
		}
	}
	host, port, err := cutPort(rest)
	if err != nil {
		return d, err
	}
	d.host = host
	if port != "" {
		d.port, err = parsePort(port)
	}
	return d, err
}

// cutPort cuts host:port or [host]:port apart. A slash may stand for the colon.
func cutPort(s string) (host, port string, err error) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, inner, ok = strings.Cut(inner, "]")
		if !ok || inner != "" && inner[0] != ':' && inner[0] != '/' {
			return "", "", errors.New("bad brackets")
		}
		port = inner[min(len(inner), 1):]
	} else if i := strings.IndexAny(s, ":/"); i >= 0 {
		host, port = s[:i], s[i+1:]
	} else {
		host = s
	}
	if host == "" {
		return "", "", errors.New("the host name is missing")
	}
	return host, port, nil
}

var errNoURI = errors.New("no URI")

// parseURI reads ssh://[user@]host[:port][/]. It returns errNoURI for other
// texts.
func parseURI(s string) (destination, error) {
	var d destination
	rest, ok := strings.CutPrefix(s, "ssh://")
	if !ok {
		return d, errNoURI
	}
	if who, after, ok := strings.Cut(rest, "@"); ok {
		who, _, _ = strings.Cut(who, ";") // connection parameters
		name, err := url.PathUnescape(who)
		if err != nil || name == "" {
			return d, errors.New("bad user name in the URI")
		}
		d.user, rest = name, after
	}
	rest, path, _ := strings.Cut(rest, "/")
	host, port, err := cutPort(rest)
	if err != nil || path != "" {
		return d, errors.New("bad URI; use ssh://user@host:port")
	}
	if d.host, err = checkDomain(host); err != nil {
		return d, err
	}
	if port != "" {
		d.port, err = parsePort(port)
	}
	return d, err
}

// parseJump reads the value of ProxyJump: "none", or destinations with commas
// between them. As in ssh, text after a blank is ignored.
func parseJump(l *line) ([]string, error) {
	value := strings.TrimLeft(l.rest, blanks+"=")
	if strings.EqualFold(value, "none") {
		return []string{"none"}, nil
	}
	value, _, _ = strings.Cut(value, "#")
	if i := strings.IndexAny(value, blanks); i >= 0 {
		value = value[:i]
	}
	for hop := range strings.SplitSeq(value, ",") {
		if _, err := parseJumpHop(hop); err != nil {
			return nil, fmt.Errorf("%q: %w", hop, err)
		}
	}
	return []string{value}, nil
}

// parseJumpHop reads one destination of ProxyJump.
func parseJumpHop(hop string) (destination, error) {
	d, err := parseURI(hop)
	if errors.Is(err, errNoURI) {
		d, err = parseHop(hop)
	}
	return d, err
}
