package sshconfig

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errForward = errors.New("bad forwarding; use [address:]port host:port, or the paths of sockets")

// forward takes the listening end of a forwarding and the end to connect to,
// which may be optional. The value has the form of ssh -G.
func forward(optional, remote bool) parser {
	return func(l *line) ([]string, error) {
		if len(l.args) == 0 || len(l.args) > 2 || len(l.args) == 1 && !optional || len(l.args) == 2 && optional && !remote {
			return nil, errForward
		}
		text, err := expandEnv(strings.Join(l.args, ":"))
		if err != nil {
			return nil, err
		}
		ends, err := forwardFields(strings.TrimLeft(text, " "))
		if err != nil {
			return nil, err
		}
		return forwardEnds(ends, len(l.args) == 1, remote)
	}
}

// forwardEnds returns both ends for the fields of a forwarding. A dynamic
// forwarding has only the listening end.
func forwardEnds(fields []string, dynamic, remote bool) ([]string, error) {
	listen, rest, err := forwardEnd(fields, dynamic && len(fields) == 1 || !dynamic && len(fields) != 4, remote)
	if err != nil {
		return nil, err
	}
	if dynamic {
		if len(rest) > 0 {
			return nil, errForward
		}
		if remote {
			listen += " [socks]:0"
		}
		return []string{listen}, nil
	}
	connect, rest, err := forwardEnd(rest, false, false)
	if err != nil || len(rest) > 0 {
		return nil, errForward
	}
	return []string{listen + " " + connect}, nil
}

// forwardEnd takes one end off the fields: the path of a socket, or a host and
// a port. alone means that there is no host. Port 0 lets a remote server
// choose.
func forwardEnd(fields []string, alone, remote bool) (end string, rest []string, err error) {
	switch {
	case len(fields) > 0 && strings.Contains(fields[0], "/"):
		return fields[0], fields[1:], nil
	case alone && len(fields) > 1 && len(fields) == 3 && strings.Contains(fields[2], "/"):
		alone = false // address:port:path
	}
	host := ""
	if !alone && len(fields) > 0 {
		host, fields = "["+fields[0]+"]:", fields[1:]
	}
	if len(fields) == 0 {
		return "", nil, errForward
	}
	n := 0
	if !remote || fields[0] != "0" {
		if n, err = parsePort(fields[0]); err != nil {
			return "", nil, err
		}
	}
	return host + strconv.Itoa(n), fields[1:], nil
}

// forwardFields splits a forwarding at colons. Brackets protect colons, and a
// backslash protects the next character.
func forwardFields(s string) ([]string, error) {
	var fields []string
	for {
		field, rest, more := "", "", false
		if inner, ok := strings.CutPrefix(s, "["); ok {
			var closed bool
			field, rest, closed = strings.Cut(inner, "]")
			if rest, more = strings.CutPrefix(rest, ":"); !closed || !more && rest != "" {
				return nil, errForward
			}
		} else {
			var b strings.Builder
			i := 0
			for ; i < len(s) && s[i] != ':'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				b.WriteByte(s[i])
			}
			field, more = b.String(), i < len(s)
			rest = s[min(len(s), i+1):]
		}
		fields = append(fields, field)
		if len(fields) > 4 {
			return nil, fmt.Errorf("%w: more than four fields", errForward)
		}
		if !more || rest == "" {
			return fields, nil
		}
		s = rest
	}
}
