package wildcard_test

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		s, pattern string
		want       bool
	}{
		{"", "", true},
		{"", "*", true},
		{"", "?", false},
		{"a", "", false},
		{"host.example.com", "*.example.com", true},
		{"example.com", "*.example.com", false},
		{"10.0.0.1", "10.0.?.1", true},
		{"10.0.10.1", "10.0.?.1", false},
		{"abcabd", "*abd", true},
		{"abc", "a*c*", true},
		{"abc", "**", true},
		{"Abc", "abc", false},
	} {
		if got := wildcard.Match(tt.s, tt.pattern); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.s, tt.pattern, got)
		}
	}
}

// TestMatchEvilPattern: many stars do not take exponential time.
func TestMatchEvilPattern(t *testing.T) {
	if wildcard.Match(strings.Repeat("a", 2000), strings.Repeat("*a", 500)+"b") {
		t.Error("matches")
	}
}
