package insults_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// T-INSULTS-23: the keys of terminals as terminfo knows them.
func TestT_INSULTS_23_Terminfo(t *testing.T) {
	text, err := os.ReadFile("testdata/terminfo.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		input, err := strconv.Unquote(`"` + fields[0] + `"`)
		key, err2 := strconv.Unquote(`"` + fields[1] + `"`)
		if err != nil || err2 != nil {
			t.Fatal(line)
		}
		n++
		if got, unknown := keysOf(t, input); got != key || unknown != "" {
			t.Errorf("%q is %s of %s, got %s %q", input, key, fields[2], got, unknown)
		}
	}
	if n < 100 {
		t.Errorf("%d keys", n)
	}
}
