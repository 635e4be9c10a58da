package keys_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

func TestC_KEYS_10_SameBytesAsTwisted(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for _, tt := range []struct {
			name    string
			key     *keys.Key
			typ     keys.StringType
			options keys.ToStringOptions
			want    string
		}{
			{"line", k.Public(), keys.OpenSSH, keys.ToStringOptions{Comment: "a comment"}, g.Line},
			{"PEM by default", k, keys.OpenSSH, keys.ToStringOptions{}, g.PEM},
			{"PEM", k, keys.OpenSSH, keys.ToStringOptions{Subtype: keys.PEM, Comment: "has no place"}, g.PEM},
			{"public LSH", k.Public(), keys.LSH, keys.ToStringOptions{}, g.PublicLSH},
			{"private LSH", k, keys.LSH, keys.ToStringOptions{}, string(g.PrivateLSH)},
			{"agentv3", k, keys.AgentV3, keys.ToStringOptions{}, string(g.AgentV3)},
		} {
			if tt.want == "" {
				continue
			}
			if got := string(toString(t, tt.key, tt.typ, tt.options)); strings.TrimSpace(got) != strings.TrimSpace(tt.want) {
				t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
			}
		}
		if line := string(toString(t, k.Public(), keys.OpenSSH, keys.ToStringOptions{})); line+" a comment" != g.Line {
			t.Errorf("without a comment: %q", line)
		}
	})
}

func TestC_KEYS_10_V1(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for _, o := range []keys.ToStringOptions{
			{Subtype: keys.V1}, {Subtype: keys.V1, Comment: "a comment"}, {Passphrase: []byte("secret")},
		} {
			if o.Passphrase != nil && g.Name != "dsa" && g.Name != "ec256" {
				continue // it is slow, and does not depend on the kind of key
			}
			text, err := k.ToString(keys.OpenSSH, o)
			if g.Name == "dsa" {
				mustBeBad(t, err, keys.ErrUnsupported)
				continue
			}
			if err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n")) {
				t.Errorf("%+v: %q, %v", o, text, err)
				continue
			}
			if got := load(t, text, keys.Guess, o.Passphrase); !got.Equal(k) {
				t.Errorf("%+v: came back as %v", o, got)
			}
		}
		if g.Name == "ed25519" && !bytes.Contains(toString(t, k, keys.OpenSSH, keys.ToStringOptions{}), []byte("OPENSSH")) {
			t.Error("Ed25519 is not in OpenSSH's own format by default")
		}
	})
}

func TestC_KEYS_10_Refused(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for name, tt := range map[string]struct {
			key     *keys.Key
			typ     keys.StringType
			options keys.ToStringOptions
			refused bool
		}{
			"unknown type":          {k, "xml", keys.ToStringOptions{}, true},
			"no type":               {k, "", keys.ToStringOptions{}, true},
			"unknown subtype":       {k, keys.OpenSSH, keys.ToStringOptions{Subtype: "v2"}, true},
			"line break":            {k.Public(), keys.OpenSSH, keys.ToStringOptions{Comment: "x\nssh-rsa AAAA"}, true},
			"line break, private":   {k, keys.OpenSSH, keys.ToStringOptions{Comment: "x\ry"}, true},
			"zero byte":             {k.Public(), keys.OpenSSH, keys.ToStringOptions{Comment: "x\x00"}, true},
			"encrypted PEM":         {k, keys.OpenSSH, keys.ToStringOptions{Subtype: keys.PEM, Passphrase: []byte("x")}, true},
			"PEM":                   {k, keys.OpenSSH, keys.ToStringOptions{Subtype: keys.PEM}, g.PEM == ""},
			"LSH":                   {k, keys.LSH, keys.ToStringOptions{}, g.PrivateLSH == nil},
			"public LSH":            {k.Public(), keys.LSH, keys.ToStringOptions{}, g.PublicLSH == ""},
			"agentv3":               {k, keys.AgentV3, keys.ToStringOptions{}, g.AgentV3 == nil},
			"agentv3 of public key": {k.Public(), keys.AgentV3, keys.ToStringOptions{}, true},
		} {
			_, err := tt.key.ToString(tt.typ, tt.options)
			if !tt.refused {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if mustBeBad(t, err); t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

func TestLSHRefusesOtherExpressions(t *testing.T) {
	for _, text := range []string{
		"(", "()", "(11:private-key)", "(11:private-key(3:dsa))", "(11:private-key(3:foo))", "(11:private-key(9:rsa-pkcs1(1:n1:\x05)(1:e1:\x03)))",
		"(10:public-key(3:dsa))", "(11:private-key(99999999999:x))", "(11:private-key(-1:x))", "{", "{}", "{%%%}", "{KCk=}", "(11:private-key(3:dsa(1:p)))",
	} {
		_, err := keys.FromString([]byte(text), keys.Guess, nil)
		if mustBeBad(t, err); t.Failed() {
			t.Fatalf("%q", text)
		}
	}
}
