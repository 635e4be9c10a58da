package client_test

import (
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	gossh "golang.org/x/crypto/ssh"
)

// TestF27_Lists: by default no insecure algorithm is enabled. Every secure
// algorithm of x/crypto/ssh that OpenSSH enables is enabled.
func TestF27_Lists(t *testing.T) {
	ours, insecure, known := conch.DefaultAlgorithms(), gossh.InsecureAlgorithms(), gossh.SupportedAlgorithms()
	for _, list := range []struct {
		name                  string
		ours, known, insecure []string
		first                 string
	}{
		{"ciphers", ours.Ciphers, known.Ciphers, insecure.Ciphers, "aes128-gcm@openssh.com"},
		{"MACs", ours.MACs, known.MACs, insecure.MACs, "hmac-sha2-256-etm@openssh.com"},
		{"key exchanges", ours.KeyExchanges, known.KeyExchanges, insecure.KeyExchanges, "mlkem768x25519-sha256"},
		{"host keys", ours.HostKeys, known.HostKeys, insecure.HostKeys, "ssh-ed25519-cert-v01@openssh.com"},
		{"public keys", ours.PublicKeys, known.PublicKeyAuths, insecure.PublicKeyAuths, "ssh-ed25519-cert-v01@openssh.com"},
	} {
		if list.ours[0] != list.first {
			t.Errorf("%s begin with %s", list.name, list.ours[0])
		}
		for _, name := range list.insecure {
			if slices.Contains(list.ours, name) {
				t.Errorf("%s have %s", list.name, name)
			}
		}
		for _, name := range list.known {
			if !slices.Contains(list.ours, name) && !strings.Contains(name, "mldsa") {
				t.Errorf("%s lack %s", list.name, name)
			}
		}
	}
	plain := slices.DeleteFunc(ours.HostKeys, func(name string) bool { return strings.Contains(name, "-cert-") })
	if plain[0] != "ssh-ed25519" || slices.Contains(plain, "ssh-rsa") {
		t.Errorf("host keys %q", plain)
	}
	conch.DefaultAlgorithms().Ciphers[0] = "changed"
	if conch.DefaultAlgorithms().Ciphers[0] == "changed" {
		t.Error("the lists are shared")
	}
}

// TestF27_Servers logs in at servers that have only one algorithm.
func TestF27_Servers(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	only := func(algorithm string) gossh.Signer {
		s, err := gossh.NewSignerWithAlgorithms(rsaKey.(gossh.AlgorithmSigner), []string{algorithm})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	r := sshtest.Start(t)
	for name, row := range map[string]struct {
		hostKey      gossh.Signer
		config       func(*gossh.ServerConfig)
		ours, legacy bool // whether the login succeeds by default, and with LegacyAlgorithms
	}{
		"rsa-sha2-256":          {only("rsa-sha2-256"), nil, true, true},
		"ssh-rsa":               {only("ssh-rsa"), nil, false, true},
		"group16-sha512":        {nil, func(c *gossh.ServerConfig) { c.KeyExchanges = []string{"diffie-hellman-group16-sha512"} }, true, true},
		"group14-sha256":        {nil, func(c *gossh.ServerConfig) { c.KeyExchanges = []string{"diffie-hellman-group14-sha256"} }, true, true},
		"group14-sha1":          {nil, func(c *gossh.ServerConfig) { c.KeyExchanges = []string{"diffie-hellman-group14-sha1"} }, false, true},
		"3des-cbc":              {nil, func(c *gossh.ServerConfig) { c.Ciphers = []string{"3des-cbc"} }, false, true},
		"aes256-ctr, hmac-sha1": {nil, func(c *gossh.ServerConfig) { c.Ciphers, c.MACs = []string{"aes256-ctr"}, []string{"hmac-sha1"} }, true, true},
		"hmac-sha1-96": {nil, func(c *gossh.ServerConfig) {
			c.Ciphers, c.MACs = []string{"aes256-ctr"}, []string{"hmac-sha1-96"}
		}, false, true},
	} {
		_, to := sshtest.Embedded(t, conchtest.Options{HostKey: row.hostKey, Config: row.config})
		for _, legacy := range []bool{false, true} {
			to.Options.LegacyAlgorithms = legacy
			if err := login(t, r, to); (err == nil) != (legacy && row.legacy || !legacy && row.ours) {
				t.Errorf("%s, legacy %v: %v", name, legacy, err)
			}
		}
	}
	_, to := sshtest.OpenSSH(t, "KexAlgorithms diffie-hellman-group-exchange-sha256")
	if err := login(t, r, to); err != nil {
		t.Error(err)
	}
}

// TestF27_C_CLIENT_52_Validate: options that cannot be honoured are errors.
func TestF27_C_CLIENT_52_Validate(t *testing.T) {
	for name, tt := range map[string]struct {
		options client.Options
		says    string // empty: valid
	}{
		"zero":           {client.Options{}, ""},
		"legacy by name": {client.Options{Ciphers: []string{"aes128-cbc"}, HostKeyAlgorithms: []string{"ssh-rsa"}, PublicKeyAlgorithms: []string{"ssh-rsa"}}, ""},
		"second name":    {client.Options{KeyExchanges: []string{"curve25519-sha256@libssh.org"}}, ""},
		"certificates":   {client.Options{PublicKeyAlgorithms: []string{"rsa-sha2-256-cert-v01@openssh.com"}}, ""},
		"cipher":         {client.Options{Ciphers: []string{"rot13"}}, `cipher "rot13"; supported: aes128-gcm@openssh.com`},
		"MAC":            {client.Options{MACs: []string{"umac-64@openssh.com"}}, `MAC "umac-64`},
		"key exchange":   {client.Options{KeyExchanges: []string{"sntrup761x25519-sha512"}}, `key exchange "sntrup`},
		"host key":       {client.Options{HostKeyAlgorithms: []string{"ssh-ed448"}}, `host key algorithm "ssh-ed448"`},
		"public key":     {client.Options{PublicKeyAlgorithms: []string{"\x1b"}}, `public key algorithm "\x1b"`},
		"method":         {client.Options{Methods: []string{"publickey", "hostbased"}}, `"hostbased"; supported: publickey,`},
		"prompts":        {client.Options{PasswordPrompts: -1}, "PasswordPrompts"},
		"signer":         {client.Options{Signers: []gossh.Signer{nil}}, "nil signer"},
		"policy":         {client.Options{HostKeys: 9}, "is no policy"},
	} {
		if err := tt.options.Validate(); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
