package sshconfig

import "strings"

// matchPattern reports whether s matches a pattern with the wildcards * and ?.
// The time is at most proportional to the product of the lengths.
func matchPattern(s, pattern string) bool {
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

// matchList reports whether s matches a comma-separated list of patterns. If a
// pattern with "!" in front matches, s does not match the list.
func matchList(s, list string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !matchPattern(s, pattern) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchHost is matchList for host names. It ignores case.
func matchHost(host, list string) bool {
	return matchList(strings.ToLower(host), strings.ToLower(list))
}
