package keys_test

import (
	"encoding/binary"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// Encrypted files have the requested number of rounds, and whole blocks
// whatever the length of the comment. x/crypto and this package read them.
func TestRounds(t *testing.T) {
	for name, lengths := range map[string]int{"ed25519": 16, "rsa": 2, "ec521": 2} { // each takes time
		k := goldenKey(t, name)
		for length := range lengths {
			o := keys.ToStringOptions{Subtype: keys.V1, Comment: strings.Repeat("c", length), Passphrase: []byte("secret"), Rounds: 1 + length%2}
			text := toString(t, k, o)
			back := load(t, text, o.Passphrase)
			if !back.Equal(k) || back.Comment() != o.Comment {
				t.Errorf("%v came back as %v with comment %q", k, back, back.Comment())
			}
			if got := rounds(t, text); got != o.Rounds {
				t.Errorf("%d rounds, want %d", got, o.Rounds)
			}
			if _, err := gossh.ParseRawPrivateKeyWithPassphrase(text, o.Passphrase); err != nil {
				t.Errorf("x/crypto: comment of %d bytes: %v", length, err)
			}
		}
	}
	k := goldenKey(t, "ed25519")
	if got := rounds(t, toString(t, k, keys.ToStringOptions{Passphrase: []byte("x")})); got != 16 {
		t.Errorf("%d rounds by default", got)
	}
	o := keys.ToStringOptions{Passphrase: []byte("x"), Rounds: 1}
	one := toString(t, k, o)
	if string(one) == string(toString(t, k, o)) {
		t.Error("no salt")
	}
	_, err := keys.FromString(one, []byte("wrong"))
	mustBeBad(t, err, keys.ErrWrongPassphrase)
}

// rounds returns the number of rounds in an encrypted file.
func rounds(t *testing.T, text []byte) int {
	t.Helper()
	block, _ := pem.Decode(text)
	_, rest, ok := strings.Cut(string(block.Bytes), "bcrypt\x00\x00\x00\x18\x00\x00\x00\x10")
	if !ok {
		t.Fatalf("not encrypted with bcrypt and a salt of 16 bytes: %q", block.Bytes)
	}
	return int(binary.BigEndian.Uint32([]byte(rest[16:])))
}

// ssh-keygen reads files with any padding.
func TestRoundsForKeygen(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, name := range []string{"rsa", "ec521", "ed25519"} {
		k := goldenKey(t, name)
		for length := range 4 {
			o := keys.ToStringOptions{Comment: strings.Repeat("c", length), Passphrase: []byte("secret"), Rounds: 1}
			line := run(t, keygen, "-y", "-P", "secret", "-f", file(t, "key", toString(t, k, o)))
			if want := string(toString(t, k.Public(), keys.ToStringOptions{Comment: o.Comment})); strings.TrimSpace(line) != want {
				t.Errorf("%s, comment of %d bytes: %q, want %q", name, length, line, want)
			}
		}
	}
}
