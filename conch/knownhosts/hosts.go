package knownhosts

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

const (
	hashDelimiter = "|"
	hashMagic     = "|1|" // HMAC-SHA1, the only kind that is defined

	// maxPattern is the length, in bytes, of the longest pattern that OpenSSH
	// compares. A line with a longer pattern does not match.
	maxPattern = 1022
)

// matchesHosts reports whether a host column matches a name. Both must be in
// lower case, except for a column with a hashed name. A malformed hashed name
// matches nothing.
func matchesHosts(column, name string) bool {
	if isHashed(column) {
		return matchesHashed(column, name)
	}
	return matchesPatterns(column, name)
}

func isHashed(column string) bool { return strings.HasPrefix(column, hashDelimiter) }

// matchesHashed compares a name with its HMAC-SHA1. The salt is the key of the
// HMAC.
func matchesHashed(column, name string) bool {
	body, ok := strings.CutPrefix(column, hashMagic)
	salt64, hash64, _ := strings.Cut(body, hashDelimiter)
	salt, err1 := base64.StdEncoding.Strict().DecodeString(salt64)
	hash, err2 := base64.StdEncoding.Strict().DecodeString(hash64)
	if !ok || err1 != nil || err2 != nil || len(salt) != sha1.Size {
		return false
	}
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return hmac.Equal(mac.Sum(nil), hash)
}

// matchesPatterns reports whether a pattern of a list between commas matches
// and no negated pattern matches.
func matchesPatterns(list, name string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if len(pattern) > maxPattern {
			return false
		}
		if !wildcard.Match(name, pattern) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// lower converts upper-case ASCII letters, as OpenSSH does. No other letter may
// become an ASCII letter.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
