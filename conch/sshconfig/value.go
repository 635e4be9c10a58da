package sshconfig

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
)

// A parser checks the arguments of a line and returns the values in the form in
// which ssh -G prints them.
type parser func(l *line) ([]string, error)

// one returns the only argument.
func one(l *line) (string, error) {
	if len(l.args) == 0 || l.args[0] == "" {
		return "", errors.New("the argument is missing")
	}
	if len(l.args) > 1 {
		return "", fmt.Errorf("extra arguments after %q", l.args[0])
	}
	return l.args[0], nil
}

// word takes any single argument.
func word(l *line) ([]string, error) {
	v, err := one(l)
	return []string{v}, err
}

// anything takes all arguments. It serves for keywords without effect.
func anything(l *line) ([]string, error) {
	if len(l.args) == 0 {
		return nil, errors.New("the argument is missing")
	}
	return l.args, nil
}

// ignoredWords takes whatever there is, even nothing.
func ignoredWords(l *line) ([]string, error) { return l.args, nil }

// list takes arguments up to a number; "none" may only stand alone.
func list(limit int) parser {
	return func(l *line) ([]string, error) {
		for _, v := range l.args {
			switch {
			case v == "":
				return nil, errors.New("an argument is empty")
			case strings.EqualFold(v, "none") && len(l.args) > 1:
				return nil, errors.New(`"none" must stand alone`)
			}
		}
		if len(l.args) > limit {
			return nil, fmt.Errorf("more than %d arguments", limit)
		}
		return l.args, nil
	}
}

// domains takes the domains of CanonicalDomains.
func domains(l *line) ([]string, error) {
	values, err := list(maxHostsFiles)(l)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range values {
		name, err := checkDomain(v)
		if err != nil {
			return nil, err
		}
		names = append(names, lower(name))
	}
	return names, nil
}

// command takes the rest of the line, unsplit.
func command(l *line) ([]string, error) {
	return []string{strings.TrimLeft(l.rest, blanks+"=")}, nil
}

// choice takes one of the keys, ignoring case, and returns the value of the
// key.
func choice(values map[string]string) parser {
	return func(l *line) ([]string, error) {
		v, err := one(l)
		if err != nil {
			return nil, err
		}
		chosen, ok := values[strings.ToLower(v)]
		if !ok {
			return nil, fmt.Errorf("bad value %q; use one of %s", v, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
		}
		return []string{chosen}, nil
	}
}

// among is choice of yes, true, no, false and other words that stand for
// themselves.
func among(words ...string) parser {
	values := map[string]string{"yes": "yes", "true": "yes", "no": "no", "false": "no"}
	for _, w := range words {
		values[w] = w
	}
	return choice(values)
}

var (
	yesNo    = among()
	strict   = choice(map[string]string{"yes": "yes", "true": "yes", "no": "no", "false": "no", "off": "no", "ask": "ask", "accept-new": "accept-new"})
	pubkey   = choice(map[string]string{"yes": "yes", "true": "yes", "no": "no", "false": "no", "unbound": "unbound", "host-bound": "host-bound"})
	family   = choice(map[string]string{"any": "any", "inet": "inet", "inet6": "inet6"})
	compress = choice(map[string]string{"yes": "yes", "no": "no"})
	session  = choice(map[string]string{"none": "none", "subsystem": "subsystem", "default": "default"})
	logLevel = words("quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3")
	facility = words("daemon", "user", "auth", "authpriv", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	digest   = words("md5", "sha1", "sha256", "sha384", "sha512")
)

func words(names ...string) parser {
	values := map[string]string{}
	for _, n := range names {
		values[n] = strings.ToUpper(n)
	}
	return choice(values)
}

// number takes a number from 0 to the largest int32.
func number(l *line) ([]string, error) {
	v, err := one(l)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("bad number %q", v)
	}
	return []string{strconv.FormatInt(n, 10)}, nil
}

// seconds takes "none" or a time such as 90, 30s or 1h30m.
func seconds(l *line) ([]string, error) {
	v, err := one(l)
	if err != nil || v == "none" {
		return []string{v}, err
	}
	n, err := parseTime(v)
	if err != nil {
		return nil, err
	}
	return []string{strconv.Itoa(n)}, nil
}

var units = map[byte]int{'s': 1, 'm': 60, 'h': 60 * 60, 'd': 24 * 60 * 60, 'w': 7 * 24 * 60 * 60}

// parseTime returns the seconds of a time of ssh_config(5), section TIME
// FORMATS.
func parseTime(s string) (int, error) {
	total := 0
	for rest := s; rest != "" || s == ""; {
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		n, err := strconv.ParseInt(rest[:end], 10, 32)
		unit := 1
		if err == nil && end < len(rest) {
			unit = units[rest[end]|0x20]
			end++
		}
		if err != nil || unit == 0 || int(n) > (math.MaxInt32-total)/unit {
			return 0, fmt.Errorf("bad time %q; use for instance 30, 30s or 1h30m", s)
		}
		total += int(n) * unit
		rest = rest[end:]
	}
	return total, nil
}

// port takes a number or the name of a service.
func port(l *line) ([]string, error) {
	v, err := one(l)
	if err != nil {
		return nil, err
	}
	n, err := parsePort(v)
	return []string{strconv.Itoa(n)}, err
}

func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil && s != "" {
		n, err = net.LookupPort("tcp", s)
	}
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("bad port %q; use 1 to 65535", s)
	}
	return n, nil
}

// socket takes the path of an agent's socket. $NAME and ${NAME} stand for an
// environment variable. ${NAME} must be set.
func socket(l *line) ([]string, error) {
	v, err := one(l)
	if err != nil {
		return nil, err
	}
	if _, err := expandEnv(v); err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(v, "$"); ok && !strings.HasPrefix(name, "{") && !validEnvName(name) {
		return nil, fmt.Errorf("bad name of an environment variable %q", v)
	}
	return []string{v}, nil
}

func validEnvName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// forwardAgent takes yes, no or a socket.
func forwardAgent(l *line) ([]string, error) {
	if v, err := yesNo(l); err == nil {
		return v, nil
	}
	return socket(l)
}

// environment takes names and patterns of variables for SendEnv.
func environment(l *line) ([]string, error) {
	for _, v := range l.args {
		if v == "" || strings.Contains(v, "=") {
			return nil, fmt.Errorf("bad environment name %q", v)
		}
	}
	return l.args, nil
}

// assignments takes NAME=value pairs for SetEnv; the first of a name counts.
func assignments(l *line) ([]string, error) {
	var values []string
	seen := map[string]bool{}
	for _, v := range l.args {
		name, _, ok := strings.Cut(v, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not NAME=value", v)
		}
		if !seen[name] {
			seen[name] = true
			values = append(values, v)
		}
	}
	return values, nil
}

// escape takes "none", a character or ^ and a letter.
func escape(l *line) ([]string, error) {
	v, err := one(l)
	if err == nil && v != "none" && len(v) > 1 && (len(v) != 2 || v[0] != '^' || v[1] < '@' || v[1] > 0x7f) {
		err = fmt.Errorf("bad escape character %q", v)
	}
	return []string{v}, err
}

// addKeys takes yes, no, ask, confirm, confirm and a time, or a time.
func addKeys(l *line) ([]string, error) {
	if len(l.args) == 1 {
		if v, err := among("ask", "confirm")(l); err == nil {
			return v, nil
		}
	}
	if len(l.args) == 0 || len(l.args) > 2 || len(l.args) == 2 && !strings.EqualFold(l.args[0], "confirm") {
		return nil, errors.New("use yes, no, ask, confirm, or a time")
	}
	_, err := parseTime(l.args[len(l.args)-1])
	return l.args, err
}

var services = strings.Fields(`none af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43
	cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 ef le lowdelay throughput reliability`)

// service takes one or two types of service for IPQoS.
func service(l *line) ([]string, error) {
	if len(l.args) == 0 || len(l.args) > 2 {
		return nil, errors.New("use one or two types of service")
	}
	for _, v := range l.args {
		n, err := strconv.ParseUint(v, 0, 8)
		if (err != nil || n > 63) && !slices.Contains(services, strings.ToLower(v)) {
			return nil, fmt.Errorf("bad type of service %q", v)
		}
	}
	return l.args, nil
}
