package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// matchLine reports whether the criteria of a Match line hold. A command is run
// only if run is set and all earlier criteria hold.
func (p *pass) matchLine(l *line, run bool) (bool, error) {
	host, err := p.hostName()
	if err != nil {
		return false, err
	}
	m := &matcher{pass: p, args: l.args, host: host, result: run}
	if err := m.all(); err != nil {
		return false, l.errorf("Match: %w", err)
	}
	return m.result, nil
}

// matcher takes the criteria of one Match line in turn.
type matcher struct {
	*pass
	args   []string
	host   string
	result bool // whether all criteria so far hold
}

// withArgument are the criteria that have an argument.
var withArgument = "host,originalhost,user,localuser,localnetwork,version,tagged,command,sessiontype,exec"

func (m *matcher) all() error {
	count := 0
	for ; len(m.args) > 0; count++ {
		name, negated := strings.CutPrefix(m.args[0], "!")
		name, arg, given := strings.Cut(name, "=")
		name = strings.ToLower(name)
		m.args = m.args[1:]
		switch {
		case name == "all" && !given:
			if count > 1 || len(m.args) > 0 {
				return errors.New(`"all" cannot be combined with other criteria`)
			}
			m.result = m.result && !negated
			return nil
		case (name == "final" || name == "canonical") && !given:
			m.wantFinal = m.wantFinal || name == "final"
			m.result = m.result && m.final != negated
			continue
		case !matchList(name, withArgument):
			return fmt.Errorf("%q is not a criterion", name)
		case !given && len(m.args) == 0:
			return fmt.Errorf("%s has no argument", name)
		case !given:
			arg, m.args = m.args[0], m.args[1:]
		}
		if arg == "" && name != "tagged" && name != "command" {
			return fmt.Errorf("%s has no argument", name)
		}
		ok, err := m.criterion(name, arg)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.result = m.result && ok != negated
	}
	if count == 0 {
		return errors.New("there are no criteria")
	}
	return nil
}

// criterion judges one criterion with an argument.
func (m *matcher) criterion(name, arg string) (bool, error) {
	switch name {
	case "host":
		return matchHost(m.host, arg), nil
	case "originalhost":
		return matchHost(m.original, arg), nil
	case "user":
		return matchList(m.user(), arg), nil
	case "localuser":
		return matchList(m.account.user, arg), nil
	case "tagged":
		return matchOrEmpty(m.first("tag"), arg), nil
	case "command":
		return matchOrEmpty("", arg), nil
	case "sessiontype":
		if s := m.first("sessiontype"); s == "none" || s == "subsystem" {
			return matchList(s, arg), nil
		}
		return matchList("shell", arg), nil
	case "localnetwork":
		return onNetwork(arg)
	case "exec":
		return m.exec(arg)
	}
	return false, errors.New("it is not supported, because this is not OpenSSH; remove it")
}

// matchOrEmpty is matchList, but an empty list matches an empty text and
// nothing else does.
func matchOrEmpty(s, list string) bool {
	if s == "" {
		return list == ""
	}
	return matchList(s, list)
}

// execTimeout bounds a command of Match exec.
const execTimeout = 30 * time.Second

// exec runs a command and reports whether the exit status is 0.
func (m *matcher) exec(arg string) (bool, error) {
	t := m.tokens(m.host, m.host)
	if !m.result {
		_, err := t.expand(arg, allTokens) // only checked
		return false, err
	}
	command, err := t.expandCommand(arg, allTokens)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), execTimeout)
	defer cancel()
	return runShell(ctx, command)
}

// onNetwork reports whether this machine has an address in one of the networks,
// given in CIDR notation with commas between them.
func onNetwork(list string) (bool, error) {
	var networks []netip.Prefix
	for s := range strings.SplitSeq(list, ",") {
		prefix, err := netip.ParsePrefix(s)
		if addr, bad := netip.ParseAddr(s); bad == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || prefix != prefix.Masked() {
			return false, fmt.Errorf("%q is not a network", s)
		}
		networks = append(networks, prefix)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	for _, a := range addrs {
		own, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		for _, n := range networks {
			if n.Contains(own.Addr()) {
				return true, nil
			}
		}
	}
	return false, nil
}
