package login

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// SplitPath splits a destination of cftp: [user@]host[:path], or
// sftp://[user@]host[:port][/path]. The first result is a destination of New.
// An IPv6 address stands in brackets if a path follows. The path of a URI is
// relative to the home directory, and absolute if it begins with two slashes.
func SplitPath(destination string) (host, path string, err error) {
	if rest, ok := strings.CutPrefix(destination, "sftp://"); ok {
		host, path, _ = strings.Cut(rest, "/")
		if path, err = url.PathUnescape(path); err != nil {
			return "", "", fmt.Errorf("login: %s: bad %% in the path", text.Quote(destination))
		}
		return "ssh://" + host, path, nil
	}
	user, rest := "", destination
	if at := strings.LastIndexByte(beforePath(destination), '@'); at >= 0 {
		user, rest = destination[:at+1], destination[at+1:]
	}
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return "", "", fmt.Errorf("login: %s: the bracket is not closed", text.Quote(destination))
		}
		path, ok := strings.CutPrefix(rest[end+1:], ":")
		if !ok && rest[end+1:] != "" {
			return "", "", fmt.Errorf("login: %s: a colon must follow the bracket", text.Quote(destination))
		}
		return user + rest[1:end], path, nil
	}
	host, path, _ = strings.Cut(rest, ":")
	return user + host, path, nil
}

// beforePath returns the part of a destination before its path, or a part of it
// that has the user name.
func beforePath(destination string) string {
	host, _, _ := strings.Cut(destination, ":")
	if i := strings.IndexByte(destination, '['); i >= 0 && i < len(host) {
		return destination[:i]
	}
	return host
}

// account is the user and the host to look up.
type account struct{ user, host, port string }

// parse reads [user@]host or ssh://[user@]host[:port].
func parse(destination string) (account, error) {
	var a account
	rest, uri := strings.CutPrefix(destination, "ssh://")
	if uri {
		rest = strings.TrimSuffix(rest, "/")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		a.user, rest = rest[:at], rest[at+1:]
		if a.user == "" {
			return a, errors.New("login: the user name before @ is missing")
		}
	}
	if uri {
		name, _, _ := strings.Cut(a.user, ";") // connection parameters
		user, err := url.PathUnescape(name)
		if err != nil {
			return a, errors.New("login: bad user name in the URI")
		}
		a.user = user
		host, port, found := cutPort(rest)
		if rest = host; found {
			a.port = port
		}
		if strings.Contains(rest, "/") {
			return a, errors.New("login: bad URI; use ssh://user@host:port")
		}
	}
	if inner, ok := strings.CutPrefix(rest, "["); ok && !uri && strings.HasSuffix(inner, "]") {
		rest = inner[:len(inner)-1]
	}
	a.host = rest
	switch _, err := netip.ParseAddr(rest); {
	case rest == "" || strings.HasPrefix(rest, "-"):
		return a, fmt.Errorf("login: %s names no host; use user@host", text.Quote(destination))
	case err != nil && strings.Contains(rest, ":"):
		return a, fmt.Errorf("login: %s: name the port with an option, or use ssh://user@host:port", text.Quote(destination))
	}
	return a, nil
}

// cutPort cuts host:port apart. The host may be in brackets.
func cutPort(s string) (host, port string, found bool) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, rest, _ := strings.Cut(inner, "]")
		port, found = strings.CutPrefix(rest, ":")
		return host, port, found
	}
	return strings.Cut(s, ":")
}

// among returns the account of a destination among options. As with ssh, the
// first of -l, -o User and the destination names the user, in the order of the
// command line, and so it is for the port. user and port are empty if -o or -p
// name them.
func (a account) among(given []getopt.Given) account {
	var user, port *string // that count
	claim := func(first **string, value string) {
		if *first == nil {
			*first = &value
		}
	}
	named := func() {
		if a.user != "" {
			claim(&user, a.user)
		}
		if a.port != "" {
			claim(&port, a.port)
		}
	}
	for _, g := range given {
		if g.After > 0 {
			named()
		}
		switch {
		case g.Name == optUser:
			claim(&user, g.Value)
		case g.Name == optPort || g.Name == optOption && keywordOf(g.Value) == "port":
			claim(&port, "")
		case g.Name == optOption && keywordOf(g.Value) == "user":
			claim(&user, "")
		}
	}
	named()
	result := account{host: a.host}
	if user != nil {
		result.user = *user
	}
	if port != nil {
		result.port = *port
	}
	return result
}

// name returns the account in the form of sshconfig.
func (a account) name() string {
	name := a.host
	if a.port != "" || strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if a.port != "" {
		name += ":" + a.port
	}
	if a.user != "" {
		name = a.user + "@" + name
	}
	return name
}
