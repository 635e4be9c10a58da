package cftp

import (
	"os"
	"strings"
	"testing"
)

// The manual has all commands and flags, and the help text all options.
func TestManual(t *testing.T) {
	data, err := os.ReadFile("../../../../docs/cftp.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(data)
	if lines := strings.Count(manual, "\n"); lines >= 130 {
		t.Errorf("the manual has %d lines", lines)
	}
	for _, c := range commands {
		for _, name := range append([]string{c.name}, c.aliases...) {
			named := strings.Contains(manual, "`"+name+"`") || strings.Contains(manual, "`"+name+" ")
			if !named && name != "chdir" && name != "lchdir" {
				t.Errorf("the manual does not have %s", name)
			}
		}
	}
	for _, o := range table.Options {
		if _, no := refused[o.Name]; no || o.Letter == "" {
			continue
		}
		if !strings.Contains(manual, "-"+o.Letter) {
			t.Errorf("the manual does not have -%s", o.Letter)
		}
	}
}
