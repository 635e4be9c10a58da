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
			options keys.ToStringOptions
			want    string
		}{
			{"line", k.Public(), keys.ToStringOptions{Comment: "a comment"}, g.Line},
			{"PEM by default", k, keys.ToStringOptions{}, g.PEM},
			{"PEM", k, keys.ToStringOptions{Subtype: keys.PEM, Comment: "has no place"}, g.PEM},
		} {
			if tt.want == "" || g.Name == "dsa" && !tt.key.IsPublic() {
				continue
			}
			if got := string(toString(t, tt.key, tt.options)); strings.TrimSpace(got) != strings.TrimSpace(tt.want) {
				t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
			}
		}
		if line := string(toString(t, k.Public(), keys.ToStringOptions{})); line+" a comment" != g.Line {
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
			text, err := k.ToString(o)
			if g.Name == "dsa" {
				mustBeBad(t, err, keys.ErrUnsupported)
				continue
			}
			if err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n")) {
				t.Errorf("%+v: %q, %v", o, text, err)
				continue
			}
			if got := load(t, text, o.Passphrase); !got.Equal(k) {
				t.Errorf("%+v: came back as %v", o, got)
			}
		}
		if g.Name == "ed25519" && !bytes.Contains(toString(t, k, keys.ToStringOptions{}), []byte("OPENSSH")) {
			t.Error("Ed25519 is not in OpenSSH's own format by default")
		}
	})
}

func TestC_KEYS_10_Refused(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		k := g.key(t)
		for name, tt := range map[string]struct {
			key     *keys.Key
			options keys.ToStringOptions
			refused bool
		}{
			"unknown subtype":     {k, keys.ToStringOptions{Subtype: "v2"}, true},
			"line break":          {k.Public(), keys.ToStringOptions{Comment: "x\nssh-rsa AAAA"}, true},
			"line break, private": {k, keys.ToStringOptions{Comment: "x\ry"}, true},
			"zero byte":           {k.Public(), keys.ToStringOptions{Comment: "x\x00"}, true},
			"negative rounds":     {k, keys.ToStringOptions{Rounds: -1}, true},
			"too many rounds":     {k, keys.ToStringOptions{Rounds: 2049}, true},
			"encrypted PEM":       {k, keys.ToStringOptions{Subtype: keys.PEM, Passphrase: []byte("x")}, true},
			"PEM":                 {k, keys.ToStringOptions{Subtype: keys.PEM}, g.PEM == "" || g.Name == "dsa"},
			"DSA":                 {k, keys.ToStringOptions{}, g.Name == "dsa"},
		} {
			_, err := tt.key.ToString(tt.options)
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
