package sshconfig

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/client"
)

// maxJumps is how many jump hosts may lead to a host.
const maxJumps = 16

// Target returns the host that ssh would connect to for a name, and the
// options. The name has the form [user@]host[:port] or
// ssh://[user@]host[:port]. The user and the port of the name take precedence
// over the files. An IPv6 address may be in brackets.
//
// Target returns an error with the file and the line if ssh would refuse the
// files, or if the files set an option that ssh honours and the client does not
// support. Target refuses host and user names that are unsafe in a shell
// command.
//
// Target runs the commands of Match exec, for up to 30 seconds each, and asks
// the name server if CanonicalizeHostname is set. Files with either must not be
// used on the reactor goroutine; any other goroutine may call Target.
func (c *Config) Target(name string) (*client.Target, error) {
	h, err := c.Lookup(name)
	if err != nil {
		return nil, err
	}
	return h.Target()
}

// jumpTarget returns the Target of a jump host. A jump that is not empty
// replaces the ProxyJump of the files. hops is the number of hosts that are
// reached through the jump host.
func (c *Config) jumpTarget(d destination, jump string, hops int) (*client.Target, error) {
	s, err := newSettings(c.files, d, jump)
	if err != nil {
		return nil, err
	}
	return c.target(s, hops)
}

// target returns the Target of settings.
func (c *Config) target(s *settings, hops int) (_ *client.Target, err error) {
	if err := s.checkSupport(); err != nil {
		return nil, err
	}
	t := &client.Target{User: s.first("user"), Host: s.first("hostname"), Port: s.number("port")}
	if t.Options, err = s.options(); err != nil {
		return nil, err
	}
	t.Verify = s.verifier()
	if err := c.route(t, s, hops); err != nil {
		return nil, err
	}
	return t, nil
}

// route sets the jump host or the dial function.
func (c *Config) route(t *client.Target, s *settings, hops int) error {
	jump, command := s.first("proxyjump"), s.first("proxycommand")
	switch {
	case jump != "":
		if hops == maxJumps {
			return s.errorf("proxyjump", "more than %d jump hosts", maxJumps)
		}
		cut := strings.LastIndexByte(jump, ',')
		d, err := parseJumpHop(jump[cut+1:])
		if err == nil {
			err = d.check()
		}
		if err != nil {
			return s.errorf("proxyjump", "%w", err)
		}
		t.Options.Jump, err = c.jumpTarget(d, jump[:max(cut, 0)], hops+1)
		return err
	case command == "-":
		return s.errorf("proxycommand", `"-" is not supported; name a command`)
	case command != "":
		line, err := s.tokens.expandCommand(command, commandTokens)
		if err != nil {
			return s.errorf("proxycommand", "%w", err)
		}
		t.Options.Dial = dialCommand(line)
		return nil
	}
	d, err := s.dialer()
	if err == nil && d != nil {
		t.Options.Dial = d.dial
	}
	return err
}

// options returns all options but those that route sets.
func (s *settings) options() (client.Options, error) {
	o := client.Options{
		HostKeyAlias:        s.first("hostkeyalias"),
		IdentitiesOnly:      s.first("identitiesonly") == "yes",
		HashKnownHosts:      s.first("hashknownhosts") == "yes",
		HostKeys:            policies[s.first("stricthostkeychecking")],
		BatchMode:           s.first("batchmode") == "yes",
		PasswordPrompts:     s.number("numberofpasswordprompts"),
		ServerAliveInterval: time.Duration(s.number("serveraliveinterval")) * time.Second,
		ServerAliveCountMax: s.number("serveralivecountmax"),
		DialTimeout:         time.Duration(s.number("connecttimeout")) * time.Second,
	}
	if o.ServerAliveInterval > 0 && o.ServerAliveCountMax == 0 {
		return o, s.errorf("serveralivecountmax", "0 is not supported; use at least 1")
	}
	for _, set := range []func(*client.Options) error{s.files, s.agent, s.methods, s.algorithms} {
		if err := set(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// policies are the values of StrictHostKeyChecking. All of them refuse a
// changed key, which ssh accepts if the value is no.
var policies = map[string]client.HostKeyPolicy{
	"ask": client.AskAboutNewHosts, "yes": client.RefuseNewHosts, "accept-new": client.AcceptNewHosts, "no": client.AcceptNewHosts,
}

// files sets the names of files. A keyword that is not set leaves nil, which
// means the client's default. The value "none" makes an empty list.
func (s *settings) files(o *client.Options) (err error) {
	for name, list := range map[string]*[]string{
		"identityfile": &o.Identities, "certificatefile": &o.Certificates,
		"userknownhostsfile": &o.KnownHosts, "globalknownhostsfile": &o.GlobalKnownHosts,
	} {
		set := s.values[name]
		if set.at.file == "" {
			continue
		}
		*list = []string{}
		for _, v := range set.values {
			if strings.EqualFold(v, "none") {
				continue
			}
			switch name {
			case "identityfile", "certificatefile":
				v, err = s.path(v)
			case "globalknownhostsfile":
				v, err = s.account.expandTilde(v)
			} // UserKnownHostsFile is expanded
			if err != nil {
				return s.errorf(name, "%w", err)
			}
			*list = append(*list, v)
		}
	}
	return nil
}

// agent sets the agent to use and the agent to forward.
func (s *settings) agent(o *client.Options) error {
	own, known := agentSocket(s.first("identityagent"))
	o.AgentSocket, o.NoAgent = own, !known
	switch v := s.first("forwardagent"); v {
	case "no":
	case "yes":
		o.ForwardAgent = known
	default:
		o.ForwardAgentSocket, o.ForwardAgent = agentSocket(v)
	}
	return nil
}

// agentSocket returns the socket that a value names, "" for SSH_AUTH_SOCK. ok
// is false if the value means no agent.
func agentSocket(value string) (path string, ok bool) {
	switch {
	case value == "" || value == "SSH_AUTH_SOCK":
		return "", true
	case value == "none":
		return "", false
	case value[0] == '$':
		path = os.Getenv(value[1:])
		return path, path != ""
	}
	return value, true
}

// methods sets the authentication methods, if the files change them.
func (s *settings) methods(o *client.Options) error {
	prompts := o.PasswordPrompts > 0
	allowed := map[string]bool{
		"publickey":            s.first("pubkeyauthentication") != "no",
		"keyboard-interactive": prompts && s.first("kbdinteractiveauthentication") == "yes",
		"password":             prompts && s.first("passwordauthentication") == "yes",
	}
	preferred, changed := s.first("preferredauthentications"), false
	if preferred == "" {
		preferred = "publickey,keyboard-interactive,password"
	} else {
		changed = true
	}
	var methods []string
	for m := range strings.SplitSeq(preferred, ",") {
		if ok, known := allowed[m]; ok && !slices.Contains(methods, m) {
			methods = append(methods, m)
		} else if known && !ok {
			changed = true
		}
	}
	if len(methods) == 0 {
		return fmt.Errorf("sshconfig: %s: no authentication method is left; PreferredAuthentications, PubkeyAuthentication, "+
			"KbdInteractiveAuthentication, PasswordAuthentication or NumberOfPasswordPrompts exclude all", s.first("host"))
	}
	if changed {
		o.Methods = methods
	}
	return nil
}

// algorithms sets the lists of algorithms that the files name.
func (s *settings) algorithms(o *client.Options) error {
	base, all := clientAlgorithms()
	for _, list := range []struct {
		name          string
		defaults, all []string
		chosen        *[]string
	}{
		{"ciphers", base.Ciphers, all.Ciphers, &o.Ciphers},
		{"macs", base.MACs, all.MACs, &o.MACs},
		{"kexalgorithms", base.KeyExchanges, all.KeyExchanges, &o.KeyExchanges},
		{"hostkeyalgorithms", base.HostKeys, all.HostKeys, &o.HostKeyAlgorithms},
		{"pubkeyacceptedalgorithms", base.PublicKeyAuths, all.PublicKeyAuths, &o.PublicKeyAlgorithms},
	} {
		value := s.first(list.name)
		if value == "" {
			continue
		}
		*list.chosen = assemble(value, list.defaults, list.all)
		if len(*list.chosen) == 0 {
			return s.errorf(list.name, "%q leaves no algorithm that is supported; these are: %s", value, strings.Join(list.all, ", "))
		}
	}
	return nil
}

// rsaSize returns RequiredRSASize in bits, or zero if not set.
func (s *settings) rsaSize() int {
	if s.values["requiredrsasize"].at.file == "" {
		return 0
	}
	n, _ := strconv.Atoi(s.first("requiredrsasize")) // a number, as checked
	return n
}
