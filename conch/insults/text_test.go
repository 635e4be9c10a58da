package insults_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
)

func TestT_INSULTS_150_Text(t *testing.T) {
	text := insults.Styled(insults.Bold, "a", 7, insults.Styled(insults.Underline, "b"))
	same := insults.Styled(insults.Bold, "a", "7", insults.Styled(insults.Underline, "b"))
	if !reflect.DeepEqual(text, same) || reflect.DeepEqual(text, text.Off()) || !reflect.DeepEqual(text, text.Off().Off()) {
		t.Error("comparison")
	}
	for _, a := range []insults.Attribute{insults.Normal, insults.Foreground + insults.Attribute(insults.Red)} {
		if color := insults.Styled(a, "x"); !reflect.DeepEqual(color, color.Off()) {
			t.Errorf("%d was switched off", a)
		}
	}
	if got := insults.AssembleFormattedText(insults.Styled(99, "x")); got != "x" {
		t.Errorf("an unknown attribute: %q", got)
	}
}

func TestT_INSULTS_151_152_153_Assemble(t *testing.T) {
	bold, underline := insults.Bold, insults.Underline
	for _, s := range []struct {
		text            insults.Text
		twisted, String string
	}{
		{insults.Styled(insults.Normal, insults.Styled(bold, "a"), "b"), "\x1b[1mab", "\x1b[1ma\x1b[0mb"},
		{insults.Styled(bold, "a", insults.Styled(bold, insults.Styled(underline, "q")).Off()), "\x1b[1ma\x1b[4mq", "\x1b[1ma\x1b[0;4mq\x1b[0m"},
		{insults.Styled(insults.Foreground+insults.Attribute(insults.Black), "x"), "\x1b[0;30mx", "\x1b[30mx\x1b[0m"},
		{insults.Styled(bold, "a", "b", insults.Styled(underline, "c")), "\x1b[1ma\x1b[1mb\x1b[1;4mc", "\x1b[1mab\x1b[1;4mc\x1b[0m"},
		{insults.Styled(bold), "", ""},
		{insults.Styled(bold, ""), "\x1b[1m", ""},
	} {
		if got := insults.AssembleFormattedText(s.text); got != s.twisted {
			t.Errorf("%q, want %q", got, s.twisted)
		}
		if got := fmt.Sprint(s.text); got != s.String {
			t.Errorf("%q, want %q", got, s.String)
		}
	}
}

// Each character looks on a screen as its Texts say, and the next one is
// normal.
func TestT_INSULTS_153_OnAScreen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var want []string
		tree := randomText(random, 0, insults.DefaultFormat(), &want)
		b := draw(200, 1, tree.String()+".")
		for x, format := range append(want, "") {
			if got := formatText(b.GetCharacter(x, 0).Format); got != format {
				t.Fatalf("%q: character %d is %q, want %q", tree.String(), x, got, format)
			}
		}
	}
}

// randomText returns a tree of Texts. The format of each of its characters is
// appended to want.
func randomText(random *rand.Rand, depth int, f insults.Format, want *[]string) insults.Text {
	a := []insults.Attribute{0, 1, 4, 5, 7, 30, 31, 37, 40, 42}[random.IntN(10)]
	off := random.IntN(3) == 0
	switch a {
	case insults.Normal:
		f = insults.DefaultFormat()
	case insults.Bold:
		f.Bold = !off
	case insults.Underline:
		f.Underline = !off
	case insults.Blink:
		f.Blink = !off
	case insults.ReverseVideo:
		f.ReverseVideo = !off
	case 30, 31, 37:
		f.Foreground = insults.Color(a - 30)
	default:
		f.Background = insults.Color(a - 40)
	}
	var parts []any
	for range random.IntN(4) {
		if depth < 3 && random.IntN(2) == 0 {
			parts = append(parts, randomText(random, depth+1, f, want))
			continue
		}
		parts = append(parts, "x")
		*want = append(*want, formatText(f))
	}
	text := insults.Styled(a, parts...)
	if off {
		text = text.Off()
	}
	return text
}

func TestCells(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "你": 2, "e\u0301": 1, "\u0301": 0, "😀": 2, "\U0001F469\u200d\U0001F467\u200d\U0001F466": 2, "\U0001F1E9\U0001F1EA": 2,
		"\t": 0, "\x07a": 1, "\x1b[31mred\x1b[0m": 3, "\x1b]0;title\x07x": 1, "\x1b]0;title\x1b\\x": 1, "\x1b(0q\x1b(B": 1,
		"\x1b": 0, "\x1b[1": 0, "\x1b]x": 0, "\x1b[31m你\x1b[0m": 2, "\x1béx": 1, "한국": 4, "±": 1,
	} {
		if got := insults.Cells(text); got != want {
			t.Errorf("%q: %d cells, want %d", text, got, want)
		}
	}
	for _, j := range []struct {
		cluster, more string
		want          bool
	}{
		{"e", "\u0301", true}, {"", "\u0301", false}, {"e", "", false}, {"e", "x", false}, {"\U0001F1E9", "\U0001F1EA", true},
		{"\U0001F1E9\U0001F1EA", "\U0001F1E9", false}, {"\U0001F469\u200d", "\U0001F467", true}, {"\U0001F469", "\U0001F467", false},
	} {
		if got := insults.Joins(j.cluster, j.more); got != j.want {
			t.Errorf("%q and %q: %v", j.cluster, j.more, got)
		}
	}
}
