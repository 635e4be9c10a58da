package sshconfig

import (
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/client"

	gossh "golang.org/x/crypto/ssh"
)

// maxJumps bounds the jump hosts on the way to one target, all told, so that a circle of them ends.
const maxJumps = 16

// Target returns where ssh would go for the name, and how. name may have the form [user@]host[:port], or be a URI ssh://…; what it says wins over the
// files.
func (c *Config) Target(name string) (*client.Target, error) {
	return c.target(name, new(int))
}

// reader reads keywords for one host; the first error sticks.
type reader struct {
	c     *Config
	alias string
	err   error
}

// target counts the hosts that are looked up on the way.
func (c *Config) target(name string, hosts *int) (*client.Target, error) {
	if *hosts++; *hosts > maxJumps+1 {
		return nil, fmt.Errorf("sshconfig: more than %d jump hosts", maxJumps)
	}
	who, alias, port, err := split(name)
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, alias: alias}
	t := &client.Target{User: who, Port: port}
	if t.User == "" {
		t.User = r.string("User", localUser())
	}
	if t.Port == 0 {
		t.Port = r.number("Port", 22)
	}
	x := expansion{alias: alias, host: alias, port: t.Port, user: t.User}
	t.Host = r.expanded("HostName", alias, x)
	x.host = t.Host
	t.Options = r.options(x)
	r.jump(t, x, hosts)
	return t, r.err
}

// split takes a destination apart.
func split(name string) (who, host string, port int, err error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(name, "ssh://"), "/")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		who, rest = rest[:i], rest[i+1:]
	}
	host = strings.Trim(rest, "[]")
	if h, p, err := net.SplitHostPort(rest); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return "", "", 0, fmt.Errorf("sshconfig: %q: bad port %q", name, p)
		}
	}
	if host == "" || strings.HasPrefix(host, "-") {
		return "", "", 0, fmt.Errorf("sshconfig: %q names no host", name)
	}
	return who, host, port, nil
}

func localUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) string(keyword, otherwise string) string {
	v, err := r.c.Get(r.alias, keyword)
	if err != nil {
		r.fail(err)
	}
	if v == "" {
		return otherwise
	}
	return v
}

func (r *reader) number(keyword string, otherwise int) int {
	v := r.string(keyword, strconv.Itoa(otherwise))
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		r.fail(fmt.Errorf("sshconfig: %s: bad value %q", keyword, v))
	}
	return n
}

func (r *reader) expanded(keyword, otherwise string, x expansion) string {
	v, err := x.expand(r.string(keyword, otherwise))
	if err != nil {
		r.fail(fmt.Errorf("sshconfig: %s: %w", keyword, err))
	}
	return v
}

func (r *reader) options(x expansion) client.Options {
	known, risky := gossh.SupportedAlgorithms(), gossh.InsecureAlgorithms()
	o := client.Options{
		HostKeyAlias:        r.string("HostKeyAlias", ""),
		Identities:          r.identities(x),
		IdentitiesOnly:      strings.EqualFold(r.string("IdentitiesOnly", ""), "yes"),
		KnownHosts:          r.knownHosts(x),
		HostKeys:            r.policy(),
		Ciphers:             r.algorithms("Ciphers", known.Ciphers, risky.Ciphers),
		MACs:                r.algorithms("MACs", known.MACs, risky.MACs),
		KeyExchanges:        r.algorithms("KexAlgorithms", known.KeyExchanges, risky.KeyExchanges),
		HostKeyAlgorithms:   r.algorithms("HostKeyAlgorithms", known.HostKeys, risky.HostKeys),
		ServerAliveInterval: time.Duration(r.number("ServerAliveInterval", 0)) * time.Second,
		ServerAliveCountMax: r.number("ServerAliveCountMax", 0),
		DialTimeout:         time.Duration(r.number("ConnectTimeout", 0)) * time.Second,
	}
	r.agent(&o, x)
	return o
}

func (r *reader) identities(x expansion) []string {
	files, err := r.c.GetAll(r.alias, "IdentityFile")
	if err != nil {
		r.fail(err)
	}
	for i, f := range files {
		if files[i], err = x.expand(f); err != nil {
			r.fail(fmt.Errorf("sshconfig: IdentityFile: %w", err))
		}
	}
	return files
}

func (r *reader) knownHosts(x expansion) []string {
	var files []string
	own, system := r.expanded("UserKnownHostsFile", "", x), r.expanded("GlobalKnownHostsFile", "", x)
	if own == "" && system == "" {
		return nil
	}
	if own == "" {
		own = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
	}
	for _, f := range strings.Fields(own + " " + system) {
		files = append(files, strings.Trim(f, `"`))
	}
	return files
}

func (r *reader) policy() client.HostKeyPolicy {
	switch v := strings.ToLower(r.string("StrictHostKeyChecking", "ask")); v {
	case "ask":
		return client.AskAboutNewHosts
	case "yes":
		return client.RefuseNewHosts
	case "accept-new", "no", "off":
		return client.AcceptNewHosts
	default:
		r.fail(fmt.Errorf("sshconfig: StrictHostKeyChecking: bad value %q", v))
		return client.RefuseNewHosts
	}
}

// jump sets how the target is dialled.
func (r *reader) jump(t *client.Target, x expansion, hosts *int) {
	hops, command := r.string("ProxyJump", "none"), r.string("ProxyCommand", "none")
	switch {
	case !strings.EqualFold(hops, "none"):
		for hop := range strings.SplitSeq(hops, ",") {
			next, err := r.c.target(strings.TrimSpace(hop), hosts)
			if err != nil {
				r.fail(fmt.Errorf("sshconfig: ProxyJump of %s: %w", r.alias, err))
				return
			}
			if t.Options.Jump != nil {
				next.Options.Jump, next.Options.Dial = t.Options.Jump, nil
			}
			t.Options.Jump = next
		}
	case !strings.EqualFold(command, "none"):
		line, err := x.expand(command)
		if err != nil {
			r.fail(fmt.Errorf("sshconfig: ProxyCommand: %w", err))
		}
		t.Options.Dial = dialCommand(line)
	}
}
