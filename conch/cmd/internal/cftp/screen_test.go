package cftp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
)

func TestCommonStart(t *testing.T) {
	for want, candidates := range map[string][]string{
		"one ":      {"one "},
		"re":        {"report ", "read "},
		`two\ `:     {`two\ a `, `two\ b `},
		"日":         {"日本 ", "日曜 "},
		"e\u0301x":  {"e\u0301xy", "e\u0301xz"},
		"":          {"e ", "e\u0301 "}, // they are different characters
		"directory": {"directory", "directory/"},
	} {
		if got := commonStart(candidates); got != want {
			t.Errorf("%q have %q in common, want %q", candidates, got, want)
		}
	}
}

func TestShownNames(t *testing.T) {
	got := shownNames([]string{`dir/two\ words `, `"dir/quo\"te" `, "dir/sub/", "/", "plain "})
	if want := []string{"two words", `quo"te`, "sub/", "/", "plain"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var many []string
	for i := range maxListed + 5 {
		many = append(many, fmt.Sprint(i, " "))
	}
	if got := shownNames(many); len(got) != maxListed+1 || got[maxListed] != "(5 more)" {
		t.Errorf("%d names, the last is %q", len(got), got[len(got)-1])
	}
}

func TestInColumns(t *testing.T) {
	names := []string{"a", "日本語", "ccc", "dddd", "e"}
	for _, row := range []struct {
		width int
		want  string
	}{
		{80, "a       日本語  ccc     dddd    e\n"}, {25, "a       ccc     e\n日本語  dddd\n"}, {10, "a\n日本語\nccc\ndddd\ne\n"},
		{1, "a\n日本語\nccc\ndddd\ne\n"},
	} {
		got := inColumns(names, row.width)
		if got != row.want {
			t.Errorf("width %d: %q", row.width, got)
		}
	}
	for width := 10; width < 100; width++ {
		for line := range strings.Lines(inColumns(names, width)) {
			if insults.Cells(strings.TrimSuffix(line, "\n")) >= width {
				t.Errorf("width %d: %q", width, line)
			}
		}
	}
}
