package sshconfig

import (
	"net"
	"slices"
	"strconv"
)

// resolve returns the settings for a name, which Target describes.
func (c *Config) resolve(name string) (*settings, error) {
	d, err := parseDestination(name)
	if err != nil {
		return nil, err
	}
	return newSettings(c.lines(), d, "")
}

// lines returns the lines of the command and the files.
func (c *Config) lines() []*file {
	if c.command == nil {
		return c.files
	}
	return slices.Concat([]*file{c.command}, c.files)
}

// newSettings returns the settings that files make for a destination. A jump that
// is not empty replaces ProxyJump and ProxyCommand.
func newSettings(files []*file, d destination, jump string) (*settings, error) {
	a, err := localAccount()
	if err != nil {
		return nil, err
	}
	p := &pass{account: a, original: d.host, host: d.host, values: values{}, lookup: net.DefaultResolver.LookupHost}
	p.preset("user", d.user)
	if d.port != 0 {
		p.preset("port", strconv.Itoa(d.port))
	}
	p.preset("proxyjump", jump)
	if err := p.run(files); err != nil {
		return nil, err
	}
	host, err := p.hostName()
	if err != nil {
		return nil, err
	}
	if host, err = p.canonical(normalizeHost(host)); err != nil {
		return nil, err
	}
	p.values["hostname"] = setting{[]string{host}, p.values["hostname"].at}
	if p.wantFinal || p.canonicalize() != "no" {
		p.final, p.host = true, host
		if err := p.run(files); err != nil {
			return nil, err
		}
	}
	return p.finish()
}

// preset sets a value that takes precedence over the files.
func (p *pass) preset(name, value string) {
	if value != "" {
		p.values[name] = setting{[]string{value}, place{file: "the destination"}}
	}
}
