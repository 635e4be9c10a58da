package sshconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/wildcard"
	gossh "golang.org/x/crypto/ssh"
)

// The names of OpenSSH. Other names are errors.
var (
	cipherNames = "3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com," +
		"aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"
	macNames = "hmac-sha1,hmac-sha1-96,hmac-sha2-256,hmac-sha2-512,hmac-md5,hmac-md5-96,umac-64@openssh.com," +
		"umac-128@openssh.com,hmac-sha1-etm@openssh.com,hmac-sha1-96-etm@openssh.com,hmac-sha2-256-etm@openssh.com," +
		"hmac-sha2-512-etm@openssh.com,hmac-md5-etm@openssh.com,hmac-md5-96-etm@openssh.com,umac-64-etm@openssh.com," +
		"umac-128-etm@openssh.com"
	kexNames = "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256," +
		"diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha1," +
		"diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,curve25519-sha256," +
		"curve25519-sha256@libssh.org,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256"
	keyNames = "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com," +
		"sk-ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp256-cert-v01@openssh.com," +
		"ecdsa-sha2-nistp384,ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521," +
		"ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com," +
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com," +
		"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,ssh-dss,ssh-dss-cert-v01@openssh.com,ssh-rsa," +
		"ssh-rsa-cert-v01@openssh.com,rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-512," +
		"rsa-sha2-512-cert-v01@openssh.com"
)

// names takes a list of known algorithms, or a change to the default list. If
// patterns is set, the list may have wildcards.
func names(known string, patterns bool) parser {
	all := strings.Split(known, ",")
	return func(l *line) ([]string, error) {
		v, err := one(l)
		if err != nil {
			return nil, err
		}
		if v[0] == '-' {
			return []string{v}, nil
		}
		list := strings.TrimLeft(v[:1], "+^") + v[1:]
		for name := range strings.SplitSeq(list, ",") {
			if name == "" && list != "" {
				break // ssh looks no further
			}
			ok := slices.Contains(all, name) || patterns && slices.ContainsFunc(all, func(n string) bool { return wildcard.Match(n, name) })
			if !ok {
				return nil, fmt.Errorf("the algorithm %q is not known", name)
			}
		}
		return []string{v}, nil
	}
}

// assemble returns the list of algorithms for a value: the value itself, or the
// default list with names at the end (+), without names (-), or with names at
// the front (^). Names that are not in all are left out.
func assemble(value string, defaults, all []string) []string {
	if value == "" {
		return slices.Clone(defaults)
	}
	list := strings.Split(value[1:], ",")
	switch value[0] {
	case '-':
		return slices.DeleteFunc(slices.Clone(defaults), func(n string) bool { return matchList(n, value[1:]) })
	case '+':
		list = slices.Concat(defaults, list)
	case '^':
		list = slices.Concat(list, defaults)
	default:
		list = strings.Split(value, ",")
	}
	var out []string
	for _, pattern := range list {
		for _, name := range all {
			if wildcard.Match(name, pattern) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// clientAlgorithms returns the algorithms that the client offers by default,
// and all algorithms that the client supports.
func clientAlgorithms() (defaults, all gossh.Algorithms) {
	own := conch.DefaultAlgorithms()
	defaults = gossh.Algorithms{
		Ciphers: own.Ciphers, MACs: own.MACs, KeyExchanges: own.KeyExchanges, HostKeys: own.HostKeys, PublicKeyAuths: own.PublicKeys,
	}
	safe, risky := gossh.SupportedAlgorithms(), gossh.InsecureAlgorithms()
	return defaults, gossh.Algorithms{
		Ciphers:        slices.Concat(safe.Ciphers, risky.Ciphers),
		MACs:           slices.Concat(safe.MACs, risky.MACs),
		KeyExchanges:   slices.Concat(safe.KeyExchanges, risky.KeyExchanges),
		HostKeys:       slices.Concat(safe.HostKeys, risky.HostKeys),
		PublicKeyAuths: slices.Concat(safe.PublicKeyAuths, risky.PublicKeyAuths),
	}
}
