package keys_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/keys"
)

// The comment of a file is that of each format that has one.
func TestComment(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		line := load(t, []byte(g.Line), nil)
		if line.Comment() != "a comment" {
			t.Errorf("public line: %q", line.Comment())
		}
		k := g.key(t)
		if g.Name == "dsa" {
			return // not written
		}
		for _, comment := range []string{"", "user@host", "two  words ", "\x1b[2J", "ä"} {
			back := load(t, toString(t, k, keys.ToStringOptions{Subtype: keys.V1, Comment: comment}), nil)
			if back.Comment() != comment || back.Public().Comment() != comment {
				t.Errorf("got %q and %q, want %q", back.Comment(), back.Public().Comment(), comment)
			}
			if !back.Equal(k) {
				t.Error("a comment makes another key")
			}
		}
		if g.PEM == "" {
			return
		}
		if pem := load(t, []byte(g.PEM), nil); pem.Comment() != "" {
			t.Errorf("PEM: %q", pem.Comment())
		}
	})
}

// Files of ssh-keygen have their comments, encrypted or not.
func TestCommentOfKeygen(t *testing.T) {
	keygen := conchtest.Program(t, "ssh-keygen")
	for _, kind := range keygenKinds {
		for _, passphrase := range []string{"", "pass phrase"} {
			path := filepath.Join(t.TempDir(), "key")
			run(t, keygen, slices.Concat([]string{"-q", "-N", passphrase, "-a", "1", "-C", "a comment", "-f", path}, kind.args)...)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if k := load(t, data, []byte(passphrase)); k.Comment() != "a comment" {
				t.Errorf("%s, passphrase %q: %q", kind.want, passphrase, k.Comment())
			}
		}
	}
}
