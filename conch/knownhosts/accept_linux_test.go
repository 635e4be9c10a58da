package knownhosts

import (
	"strings"
	"testing"
)

// A disk without room for the line: the error says so, and no line is damaged.
func TestAcceptOnFullDisk(t *testing.T) {
	f := FromPath("/dev/full")
	if err := f.Accept(Verdict{Key: ed(1), Missing: []Name{host("host")}}); err == nil || !strings.Contains(err.Error(), "not saved") {
		t.Errorf("Accept: %v", err)
	}
	if f.path = tempFile(t, "# empty"); check(t, f, host("host"), ed(1)) != Known {
		t.Error("the key is forgotten")
	}
}
