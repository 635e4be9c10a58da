package sshconfig

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// canonicalize returns the value of CanonicalizeHostname.
func (p *pass) canonicalize() string {
	if v := p.first("canonicalizehostname"); v != "" {
		return v
	}
	return "no"
}

// lookupTimeout bounds the search for a canonical host name.
const lookupTimeout = 30 * time.Second

// canonical applies CanonicalizeHostname. It appends the first of
// CanonicalDomains in which the name server finds the host.
func (p *pass) canonical(host string) (string, error) {
	mode := p.canonicalize()
	command := p.first("proxycommand")
	proxied := command != "" && !strings.EqualFold(command, "none") || lastHop(p.first("proxyjump")) != ""
	if mode == "no" || proxied && mode != "always" || isAddress(host) {
		return host, nil
	}
	if cnames := p.values["canonicalizepermittedcnames"]; len(cnames.values) > 0 && !strings.EqualFold(cnames.values[0], "none") {
		return "", cnames.at.errorf("CanonicalizePermittedCNAMEs is not supported; remove it")
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	for _, name := range p.candidates(host) {
		if _, err := p.lookup(ctx, name); err == nil {
			return strings.TrimSuffix(name, "."), nil
		}
	}
	if p.first("canonicalizefallbacklocal") == "no" && !p.qualified(host) {
		return "", p.values["canonicalizefallbacklocal"].at.errorf("%s is in none of CanonicalDomains", host)
	}
	return host, nil
}

// candidates returns the full names to look up for a host.
func (p *pass) candidates(host string) []string {
	if strings.HasSuffix(host, ".") {
		return []string{host}
	}
	var names []string
	if !p.qualified(host) {
		for _, domain := range p.values["canonicaldomains"].values {
			if !strings.EqualFold(domain, "none") {
				names = append(names, host+"."+domain+".")
			}
		}
	}
	return names
}

// qualified reports whether a host has more than CanonicalizeMaxDots dots. Such
// a host is not looked up.
func (p *pass) qualified(host string) bool {
	dots := 1
	if v := p.first("canonicalizemaxdots"); v != "" {
		dots, _ = strconv.Atoi(v) // a number, as checked
	}
	return !strings.HasSuffix(host, ".") && strings.Count(host, ".") > dots
}
