package sshconfig

import "strings"

// defaults are ssh's values for keywords that are not set.
var defaults = map[string][]string{
	"port": {"22"}, "addressfamily": {"any"}, "batchmode": {"no"}, "canonicalizehostname": {"no"}, "checkhostip": {"no"},
	"identitiesonly": {"no"}, "kbdinteractiveauthentication": {"yes"}, "passwordauthentication": {"yes"},
	"pubkeyauthentication": {"yes"}, "hostbasedauthentication": {"no"}, "stricthostkeychecking": {"ask"},
	"tcpkeepalive": {"yes"}, "verifyhostkeydns": {"no"}, "connectionattempts": {"1"}, "numberofpasswordprompts": {"3"},
	"serveralivecountmax": {"3"}, "serveraliveinterval": {"0"}, "requiredrsasize": {"1024"}, "connecttimeout": {"none"},
	"forwardagent": {"no"}, "nohostauthenticationforlocalhost": {"no"}, "proxyusefdpass": {"no"},
	"globalknownhostsfile": {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"},
	"userknownhostsfile":   {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"},
}

// batchAlive is the default of ServerAliveInterval with BatchMode, in seconds,
// as in Debian: an unattended program should notice that the server is gone.
const batchAlive = "300"

// finish adds defaults, and expands the values that ssh -G expands.
func (p *pass) finish() (*settings, error) {
	p.preset("host", p.original)
	s := &settings{values: p.values, account: p.account}
	s.setDefaults()
	s.clearNone()
	if alias := s.first("hostkeyalias"); alias != "" {
		s.values["hostkeyalias"] = setting{[]string{lower(alias)}, s.values["hostkeyalias"].at}
	}
	s.tokens = p.tokens(s.first("hostname"), p.original)
	expanded := []string{"identityagent", "userknownhostsfile"}
	if v := s.first("forwardagent"); v != "yes" && v != "no" {
		expanded = append(expanded, "forwardagent")
	}
	for _, name := range expanded {
		if err := s.expandPaths(name); err != nil {
			return nil, err
		}
	}
	if s.first("connectionattempts") == "0" {
		return nil, s.errorf("connectionattempts", "use at least 1")
	}
	return s, s.checkJump()
}

func (s *settings) setDefaults() {
	if s.first("user") == "" {
		s.values["user"] = setting{values: []string{s.account.user}}
	}
	if s.first("batchmode") == "yes" && s.first("serveraliveinterval") == "" {
		s.values["serveraliveinterval"] = setting{values: []string{batchAlive}}
	}
	for name, values := range defaults {
		if len(s.values[name].values) == 0 {
			s.values[name] = setting{values: values}
		}
	}
}

// clearNone removes the value "none" of a keyword and keeps the place, so that
// the keyword still counts as set.
func (s *settings) clearNone() {
	for _, name := range []string{"proxycommand", "proxyjump", "revokedhostkeys", "knownhostscommand", "pkcs11provider",
		"userknownhostsfile", "globalknownhostsfile"} {
		if strings.EqualFold(s.first(name), "none") {
			s.values[name] = setting{at: s.values[name].at}
		}
	}
}

// checkJump returns an error if the host is the same as the last jump host.
func (s *settings) checkJump() error {
	jump := s.first("proxyjump")
	if jump == "" {
		return nil
	}
	d, err := parseJumpHop(jump[strings.LastIndexByte(jump, ',')+1:])
	if err != nil {
		return s.errorf("proxyjump", "%w", err)
	}
	sameUser := d.user == "" || d.user == s.first("user")
	if d.port == 0 {
		d.port = defaultPort
	}
	if d.host == s.first("hostname") && sameUser && d.port == s.number("port") {
		return s.errorf("proxyjump", "%s is its own jump host", d.host)
	}
	return nil
}
