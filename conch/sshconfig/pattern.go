package sshconfig

import (
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

// matchList reports whether s matches a comma-separated list of patterns. If a
// pattern with "!" in front matches, s does not match the list.
func matchList(s, list string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !wildcard.Match(s, pattern) {
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
