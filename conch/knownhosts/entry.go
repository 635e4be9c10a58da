package knownhosts

import (
	"bytes"
	"encoding/base64"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// marker is the first column of a line with a special meaning.
type marker string

const (
	noMarker      marker = ""                // the key of the hosts
	certAuthority marker = "@cert-authority" // signs certificates of the hosts
	revoked       marker = "@revoked"        // must not be accepted for the hosts
)

// blanks separate the columns of a line.
const blanks = " \t"

// entry is a line that holds a key for hosts.
type entry struct {
	marker  marker
	hosts   string          // the host column, in lower case unless hashed
	keyType string          // the key's type according to the line
	blob    string          // the key in base64
	key     gossh.PublicKey // nil until decode

	path string // empty for an accepted key that is not saved
	line int    // from 1; 0 for an accepted key that is not saved
}

// parseEntry parses a line up to the key, which decode parses. It returns false
// for comments, for blank lines and for lines that are not understood.
func parseEntry(text string) (entry, bool) {
	if strings.Contains(text, "\n") {
		return entry{}, false
	}
	var e entry
	rest := strings.Trim(text, blanks+"\r")
	if strings.HasPrefix(rest, "@") {
		var word string
		word, rest = cutColumn(rest)
		e.marker = marker(word)
		if e.marker != certAuthority && e.marker != revoked {
			return entry{}, false
		}
	}
	e.hosts, rest = cutColumn(rest)
	e.keyType, rest = cutColumn(rest)
	e.blob, _ = cutColumn(rest)
	if e.blob == "" || e.hosts[0] == '@' || e.hosts[0] == '#' {
		return entry{}, false
	}
	if !isHashed(e.hosts) {
		e.hosts = lower(e.hosts)
	}
	return e, true
}

// matches reports whether the hosts of e include name, in lower case.
func (e *entry) matches(name string) bool { return matchesHosts(e.hosts, name) }

// cutColumn returns the text before the first blanks and the text after them.
func cutColumn(s string) (column, rest string) {
	i := strings.IndexAny(s, blanks)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], blanks)
}

// decode sets e.key. It returns false if the key is malformed or has another
// type than the line says.
func (e *entry) decode() bool {
	if e.key != nil {
		return true
	}
	raw, err := base64.StdEncoding.DecodeString(e.blob)
	if err != nil {
		return false
	}
	key, err := gossh.ParsePublicKey(raw)
	if err != nil || key.Type() != e.keyType {
		return false
	}
	e.key = key
	return true
}

// formatEntry returns a line without a marker, a comment or a newline.
func formatEntry(hosts string, key gossh.PublicKey) string {
	return hosts + " " + key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

// sameKey reports whether two keys have the same wire format.
func sameKey(a, b gossh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// plainKey returns the key inside a certificate, and any other key as it is.
func plainKey(key gossh.PublicKey) gossh.PublicKey {
	if cert, ok := key.(*gossh.Certificate); ok {
		return cert.Key
	}
	return key
}
