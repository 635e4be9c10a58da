package cftp

import (
	"path"
	"reflect"
	"strings"
	"testing"
)

// TestC_SCRIPTS_3_Words: blanks, quotes, backslashes and comments.
func TestC_SCRIPTS_3_Words(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string // the texts, with "wild:" before those with a wildcard
		err  error
	}{
		{``, nil, nil},
		{`  a	b `, []string{"a", "b"}, nil},
		{`"a b" 'c d'`, []string{"a b", "c d"}, nil},
		{`a" b"'c'd`, []string{"a bcd"}, nil},
		{`""`, []string{""}, nil},
		{`a\ b \"c \'d \\e`, []string{"a b", `"c`, "'d", `\e`}, nil},
		{`"a\"b" 'a\'b' "a\\b" "a\b" 'a"b'`, []string{`a"b`, "a'b", `a\b`, `a\b`, `a"b`}, nil},
		{`*.txt a?b [ab]`, []string{"wild:*.txt", "wild:a?b", "wild:[ab]"}, nil},
		{`"*.txt" a\?b '[ab]' \[x`, []string{"*.txt", "a?b", "[ab]", "[x"}, nil},
		{`"a"*`, []string{"wild:a*"}, nil},
		{`a # b`, []string{"a"}, nil},
		{`a#b \#c "#d"`, []string{"a#b", "#c", "#d"}, nil},
		{`größe 日本`, []string{"größe", "日本"}, nil},
		{"a\xffb", []string{"a\xffb"}, nil},
		{`"a`, nil, errQuote},
		{`'a"`, nil, errQuote},
		{`"a\"`, nil, errQuote},
		{`a\`, nil, errBackslash},
	} {
		words, err := split(tt.line)
		var got []string
		for _, w := range words {
			if w.wild {
				w.text = "wild:" + w.text
			}
			got = append(got, w.text)
		}
		if err != tt.err || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, %v, want %q, %v", tt.line, got, err, tt.want, tt.err)
		}
	}
}

// TestC_SCRIPTS_3_Wildcards: only wildcards that are not quoted match.
func TestC_SCRIPTS_3_Wildcards(t *testing.T) {
	for _, tt := range []struct {
		word, name string
		want       bool
	}{
		{`*`, "abc", true},
		{`a*`, "abc", true},
		{`a\*`, "abc", false},
		{`a\*`, "a*", true},
		{`"a*"`, "abc", false},
		{`"a*"`, "a*", true},
		{`"a"*`, "abc", true},
		{`[a-c]x`, "bx", true},
		{`[!a-c]x`, "bx", false},
		{`[!a-c]x`, "dx", true},
		{`[^a-c]x`, "dx", true},
		{`"[a-c]x"`, "[a-c]x", true},
		{`"[a-c]x"`, "bx", false},
		{`a-b^c]`, "a-b^c]", true},
		{`"a\\b"`, `a\b`, true},
		{`日?`, "日本", true},
	} {
		words, err := split(tt.word)
		if err != nil || len(words) != 1 {
			t.Fatalf("%s: %v, %v", tt.word, words, err)
		}
		got, err := path.Match(words[0].pattern, tt.name)
		if err != nil || got != tt.want {
			t.Errorf("%s (%s) matches %s: %v, %v", tt.word, words[0].pattern, tt.name, got, err)
		}
	}
}

// TestLongLine: the time for a line is proportional to its length. With the
// square of the length the test would take hours.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("x*", maxLine/2)
	for _, line := range []string{"get " + long, `get "` + long + `"`, "get " + strings.Repeat("a ", maxLine/2)} {
		if _, err := split(line); err != nil {
			t.Error(err)
		}
		if _, ok := lastWord(line); !ok {
			t.Error("no last word")
		}
	}
	if got := literalPattern(long); len(got) != 3*maxLine/2 {
		t.Error(len(got))
	}
}

// FuzzWords: every line is split or refused, and quoting a name gives a word
// that is the name.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{`a "b c" 'd\'e' \ f # g`, `"`, `\`, "a\x00b", "[!-]*?^", "日本\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 300 {
			return
		}
		words, err := split(line)
		if err == nil {
			for _, w := range words {
				if len(w.text) > len(line) || len(w.pattern) > 2*len(line) {
					t.Errorf("%q: %+v", line, w)
				}
			}
		}
		_, _ = parse(line)
		for cursor := range len(line) + 1 {
			_, _ = lastWord(line[:cursor])
		}
		if line == "" || strings.ContainsAny(line, blanks[1:]) {
			return
		}
		for _, open := range []byte{0, '"', '\''} {
			p := partial{open: open, command: lookup("get")}
			words, err := split(p.quote(line, false))
			if err != nil || len(words) != 1 || words[0].text != line || words[0].wild || words[0].isFlags() {
				t.Errorf("%q: %q is %+v, %v", line, p.quote(line, false), words, err)
			}
		}
	})
}
