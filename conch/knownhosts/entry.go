package knownhosts

import (
	"bytes"
	"encoding/base64"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// Marker says what the key of a line is for.
type Marker string

const (
	NoMarker      Marker = ""                // the key of the hosts that the line names
	CertAuthority Marker = "@cert-authority" // a key that may sign certificates of these hosts
	Revoked       Marker = "@revoked"        // a key that must not be accepted
)

// Entry is one line of a known_hosts file. The zero value matches nothing and prints as a blank line. An Entry is not changed
// after it was made and may be used from any goroutine.
type Entry struct {
	Marker  Marker
	Hosts   string          // the host column as it was read
	Key     gossh.PublicKey // nil for a line that holds no key: a blank one, a comment, one not understood
	Comment string          // what follows the key

	Path string // the file, empty for an addition that is not saved
	Line int    // the line in that file, from 1; 0 for an addition that is not saved

	text  string
	names hostMatcher
}

// ParseEntry reads one line, given without its newline. The entry is good in any case and prints back as text; when the
// line is not understood it matches nothing (C-CLIENT-32) and the error says why. A blank line or a comment is no error.
func ParseEntry(text string) (Entry, error) {
	unparsed := Entry{text: text}
	c, err := cut(text)
	if err != nil || c.blank() {
		return unparsed, err
	}
	names, err := parseHosts(c.hosts)
	if err != nil {
		return unparsed, err
	}
	key, err := c.key()
	if err != nil {
		return unparsed, err
	}
	return Entry{Marker: c.marker, Hosts: c.hosts, Key: key, Comment: c.comment, text: text, names: names}, nil
}

// Parsed reports whether the line holds a key for some hosts.
func (e Entry) Parsed() bool { return e.Key != nil }

// Hashed reports whether the host column is a hashed name (C-CLIENT-34).
func (e Entry) Hashed() bool { return strings.HasPrefix(e.Hosts, hashDelimiter) }

// MatchesHost reports whether the host column covers name, which is a host name, an address, or either with a port as [Name]
// writes it. Letter case does not count. The marker is not looked at.
func (e Entry) MatchesHost(name string) bool {
	return e.names != nil && e.names.matches(lower(name))
}

// MatchesKey reports whether the line holds this very key. The marker is not looked at.
func (e Entry) MatchesKey(key gossh.PublicKey) bool {
	return e.Key != nil && sameKey(e.Key, key)
}

// String is the line as it was read, without its newline.
func (e Entry) String() string { return e.text }

// formatLine writes a line from its columns.
func formatLine(marker Marker, hosts string, key gossh.PublicKey, comment string) string {
	columns := []string{hosts, key.Type(), base64.StdEncoding.EncodeToString(key.Marshal())}
	if marker != NoMarker {
		columns = append([]string{string(marker)}, columns...)
	}
	if comment != "" {
		columns = append(columns, comment)
	}
	return strings.Join(columns, " ")
}

// sameKey reports whether two keys have the same wire form.
func sameKey(a, b gossh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// plainKey is the key itself, or the key that a certificate certifies.
func plainKey(key gossh.PublicKey) gossh.PublicKey {
	if cert, ok := key.(*gossh.Certificate); ok {
		return cert.Key
	}
	return key
}
