package sshconfig

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

// pass evaluates the files for one host. A second pass follows if the files
// have Match final or CanonicalizeHostname.
type pass struct {
	values
	account   account
	original  string // the host as named by the user
	host      string // the host that Host compares
	final     bool   // this is the second pass
	wantFinal bool   // a second pass must follow

	lookup func(ctx context.Context, host string) ([]string, error) // asks the name server
}

// run reads the files in order.
func (p *pass) run(files []*file) error {
	for _, f := range files {
		if _, err := p.file(f, true, false); err != nil {
			return err
		}
	}
	return nil
}

// file applies the lines of a file. active is whether lines count; Host and
// Match change active. never is set for a file included where lines do not
// count: there, Host and Match do not make lines count.
func (p *pass) file(f *file, active, never bool) (bool, error) {
	var err error
	for _, l := range f.lines {
		if active, err = p.line(l, active, never); err != nil {
			return false, err
		}
	}
	return active, nil
}

// line applies one line and returns whether the next one counts.
func (p *pass) line(l *line, active, never bool) (bool, error) {
	switch l.keyword {
	case "host":
		matched, err := p.hostLine(l)
		return matched && !never, err
	case "match":
		matched, err := p.matchLine(l, !never)
		return matched && !never, err
	case "include":
		for _, f := range l.include {
			if _, err := p.file(f, active, !active); err != nil {
				return false, err
			}
		}
		return active, nil
	}
	return active, p.set(l, active)
}

// hostLine reports whether the patterns of a Host line match.
func (p *pass) hostLine(l *line) (bool, error) {
	matched := false
	for _, pattern := range l.args {
		if pattern == "" {
			return false, l.errorf("Host has an empty argument")
		}
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !wildcard.Match(p.host, pattern) {
			continue
		}
		if negated {
			return false, nil
		}
		matched = true
	}
	return matched, nil
}

// set checks the values of a line, and keeps the values if the line counts
// (active) and the keyword is not set yet. As in ssh, a bad value is an error
// even if the line does not count.
func (p *pass) set(l *line, active bool) error {
	k, ok := keywords[l.keyword]
	if !ok {
		if matchList(l.keyword, strings.ToLower(p.first("ignoreunknown"))) {
			return nil
		}
		return l.errorf("%q is not a keyword; IgnoreUnknown may name it", l.keyword)
	}
	values, err := k.parse(l)
	if err != nil {
		return l.errorf("%s: %w", l.keyword, err)
	}
	if !active {
		return nil
	}
	old, set := p.values[k.name]
	switch {
	case k.name == "refuseconnection":
		return l.errorf("RefuseConnection: %s", values[0])
	case k.name == "sendenv":
		p.values[k.name] = setting{updateEnv(old.values, values), l.place}
	case k.many:
		return p.add(k.name, values[0], l)
	case k.name == "proxyjump":
		p.setJump(values[0], l.place)
	case k.name == "proxycommand" && lastHop(p.first("proxyjump")) != "":
	case !set:
		p.values[k.name] = setting{values, l.place}
	}
	return nil
}

// setJump sets ProxyJump, unless ProxyJump or ProxyCommand is set.
func (p *pass) setJump(value string, at place) {
	if p.first("proxyjump") != "" || p.first("proxycommand") != "" {
		return
	}
	p.values["proxyjump"] = setting{[]string{value}, at}
}

// add adds a new value to a keyword that accumulates.
func (p *pass) add(name, value string, l *line) error {
	old := p.values[name]
	if name == "identityfile" || name == "certificatefile" {
		if len(old.values) >= maxIdentities {
			return l.errorf("more than %d files", maxIdentities)
		}
	}
	if !slices.Contains(old.values, value) {
		p.values[name] = setting{append(old.values, value), l.place}
	}
	return nil
}

// updateEnv adds names to the list of SendEnv. A name with "-" in front is a
// pattern that removes names.
func updateEnv(old, names []string) []string {
	for _, n := range names {
		if pattern, remove := strings.CutPrefix(n, "-"); remove {
			old = slices.DeleteFunc(slices.Clone(old), func(o string) bool { return wildcard.Match(o, pattern) })
		} else {
			old = append(old, n)
		}
	}
	return old
}

// user returns the user to log in as.
func (p *pass) user() string {
	if u := p.first("user"); u != "" {
		return u
	}
	return p.account.user
}

// hostName returns the host to connect to, according to the lines read so far.
func (p *pass) hostName() (string, error) {
	name := p.first("hostname")
	if name == "" {
		return p.host, nil
	}
	if p.final {
		return name, nil
	}
	host, err := tokens{'h': p.host}.expand(name, hostTokens)
	if err == nil && host == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", p.values["hostname"].at.errorf("HostName: %w", err)
	}
	return host, nil
}

// tokens returns the tokens for Match exec. host is the name after HostName.
func (p *pass) tokens(host, alias string) tokens {
	port, jump := p.first("port"), p.first("proxyjump")
	if port == "" {
		port = "22"
	}
	if v := p.first("hostkeyalias"); v != "" {
		alias = v
	}
	return newTokens(p.account, p.original, host, port, p.user(), alias, lastHop(jump))
}

// lastHop returns the host of the last destination of a ProxyJump.
func lastHop(jump string) string {
	if jump == "" || strings.EqualFold(jump, "none") {
		return ""
	}
	d, err := parseJumpHop(jump[strings.LastIndexByte(jump, ',')+1:])
	if err != nil {
		return ""
	}
	return d.host
}
