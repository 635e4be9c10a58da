package knownhosts

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

const blanks = " \t"

// columns is a line cut at its blanks. The host column and the key are not looked into.
type columns struct {
	marker                        Marker
	hosts, keyType, blob, comment string
}

// cut splits a line. A blank line or a comment gives blank columns.
func cut(text string) (columns, error) {
	if strings.Contains(text, "\n") {
		return columns{}, errors.New("knownhosts: more than one line")
	}
	rest := strings.TrimLeft(strings.TrimRight(text, blanks+"\r"), blanks)
	if rest == "" || rest[0] == '#' {
		return columns{}, nil
	}
	var c columns
	if rest[0] == '@' {
		var word string
		word, rest = field(rest)
		c.marker = Marker(word)
		if c.marker != CertAuthority && c.marker != Revoked {
			return columns{}, fmt.Errorf("knownhosts: unknown marker %q", word)
		}
	}
	c.hosts, rest = field(rest)
	c.keyType, rest = field(rest)
	c.blob, c.comment = field(rest)
	if c.blob == "" {
		return columns{}, errors.New("knownhosts: a line needs hosts, a key type and a key")
	}
	if c.hosts[0] == '@' {
		return columns{}, errors.New("knownhosts: more than one marker")
	}
	return c, nil
}

// field splits off the text before the first blank.
func field(s string) (first, rest string) {
	i := strings.IndexAny(s, blanks)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], blanks)
}

// blank reports whether there was a blank line or a comment.
func (c columns) blank() bool { return c.hosts == "" }

// key decodes the key, which must be of the type that the line says.
func (c columns) key() (gossh.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(c.blob)
	if err != nil {
		return nil, fmt.Errorf("knownhosts: bad key: %w", err)
	}
	key, err := gossh.ParsePublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("knownhosts: bad key: %w", err)
	}
	if key.Type() != c.keyType {
		return nil, fmt.Errorf("knownhosts: the line says %q but holds a key of type %q", c.keyType, key.Type())
	}
	return key, nil
}
