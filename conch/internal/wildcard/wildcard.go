// Package wildcard matches names against the patterns of OpenSSH's files.
package wildcard

import "strings"

// Match reports whether s matches a pattern. In the pattern * matches any bytes
// and ? matches one byte. Only the last * is tried again after a mismatch, so
// the time is at most proportional to the product of the lengths.
func Match(s, pattern string) bool {
	star, again := -1, 0 // the last *, and the position to retry from
	i, p := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			i++
			p++
		case star >= 0:
			again++
			i, p = again, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
