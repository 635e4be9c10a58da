package knownhosts

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strings"
)

const (
	hashDelimiter = "|"
	hashMagic     = "|1|" // HMAC-SHA1, the only kind there is

	// maxPattern is the longest pattern that OpenSSH looks at, in bytes: beyond it the line does not match.
	maxPattern = 1022
)

// hostMatcher is a host column. The name that it is asked about is in lower case.
type hostMatcher interface{ matches(name string) bool }

// parseHosts reads a host column. A list of patterns is never wrong; a hashed name can be.
func parseHosts(column string) (hostMatcher, error) {
	if strings.HasPrefix(column, hashDelimiter) {
		return parseHashed(column)
	}
	return patterns(lower(column)), nil
}

// hashedHost is a name of which only the HMAC-SHA1 keyed by a salt is known (C-CLIENT-34).
type hashedHost struct{ salt, hash []byte }

func parseHashed(column string) (hashedHost, error) {
	bad := errors.New("knownhosts: bad hashed host name")
	body, ok := strings.CutPrefix(column, hashMagic)
	salt64, hash64, found := strings.Cut(body, hashDelimiter)
	if !ok || !found {
		return hashedHost{}, bad
	}
	salt, err := base64.StdEncoding.Strict().DecodeString(salt64)
	if err != nil || len(salt) != sha1.Size {
		return hashedHost{}, bad
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(hash64)
	if err != nil || len(hash) != sha1.Size {
		return hashedHost{}, bad
	}
	return hashedHost{salt, hash}, nil
}

func (h hashedHost) matches(name string) bool {
	mac := hmac.New(sha1.New, h.salt)
	mac.Write([]byte(name))
	return hmac.Equal(mac.Sum(nil), h.hash)
}

// patterns is a list of patterns in lower case, separated by commas.
type patterns string

// matches reports whether some pattern matches and no negated one does.
func (p patterns) matches(name string) bool {
	found := false
	for pattern := range strings.SplitSeq(string(p), ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if len(pattern) > maxPattern {
			return false
		}
		if !wildcard(pattern, name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// wildcard matches one pattern, in which * stands for any bytes and ? for any one byte. Its time is bounded by the product of
// the two lengths: only the last * is ever tried again.
func wildcard(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last * and where in name its match ends
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// lower changes ASCII capitals only, as OpenSSH does: no other letter may turn into an ASCII one.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
