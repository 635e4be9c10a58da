package text_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// TestF26_ForeignText: each rule for text of a peer.
func TestF26_ForeignText(t *testing.T) {
	for _, tt := range []struct{ name, in, line, quote, lines string }{
		{"plain", "no such file", "no such file", `"no such file"`, "no such file"},
		{"empty", "", "", `""`, ""},
		{"unicode", "Größe 日本 é", "Größe 日本 é", `"Größe 日本 é"`, "Größe 日本 é"},
		{"lines", " a \r\n\r\n\tb ", "a b", `" a \r\n\r\n\tb "`, " a \n\n\tb "},
		{"white space alone", " \n\t\r ", "", `" \n\t\r "`, " \n\t\\r "},
		{"ESC", "\x1b[31mred", `\x1b[31mred`, `"\x1b[31mred"`, `\x1b[31mred`},
		{"OSC", "\x1b]0;title\a", `\x1b]0;title\a`, `"\x1b]0;title\a"`, `\x1b]0;title\a`},
		{"C1", "\u009b31m", `\u009b31m`, `"\u009b31m"`, `\u009b31m`},
		{"NUL", "a\x00b", `a\x00b`, `"a\x00b"`, `a\x00b`},
		{"CR overwrites a line", "bad\rgood\n", "bad good", `"bad\rgood\n"`, "bad\\rgood\n"},
		{"backspace", "ab\b\b", `ab\b\b`, `"ab\b\b"`, `ab\b\b`},
		{"bidi override", "a\u202etxt.exe", `a\u202etxt.exe`, `"a\u202etxt.exe"`, `a\u202etxt.exe`},
		{"bidi isolate", "\u2066x\u2069", `\u2066x\u2069`, `"\u2066x\u2069"`, `\u2066x\u2069`},
		{"zero width", "a\u200bb\ufeff", `a\u200bb\ufeff`, `"a\u200bb\ufeff"`, `a\u200bb\ufeff`},
		{"line separator", "a\u2028b", "a b", `"a\u2028b"`, `a\u2028b`},
		{"tag", "\U000e0041", `\U000e0041`, `"\U000e0041"`, `\U000e0041`},
		{"not UTF-8", "a\xffb\xc3", `a\xffb\xc3`, `"a\xffb\xc3"`, `a\xffb\xc3`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`, `"\xed\xa0\x80"`, `\xed\xa0\x80`},
		{"replacement character", "\ufffd", "\ufffd", "\"\ufffd\"", "\ufffd"},
		{"quotes", `a"b\c`, `a"b\c`, `"a\"b\\c"`, `a"b\c`},
		{"prompt", "Password: ", "Password:", `"Password: "`, "Password: "},
	} {
		if got := text.Line(tt.in); got != tt.line {
			t.Errorf("%s: Line: %q, want %q", tt.name, got, tt.line)
		}
		if got := text.Quote(tt.in); got != tt.quote {
			t.Errorf("%s: Quote: %s, want %s", tt.name, got, tt.quote)
		}
		if got := text.Lines(tt.in); got != tt.lines {
			t.Errorf("%s: Lines: %q, want %q", tt.name, got, tt.lines)
		}
	}
}

// TestF26_Bounds: what fits exactly is whole, one byte more is truncated, with
// a sign, and never inside a character or an escape.
func TestF26_Bounds(t *testing.T) {
	for _, unit := range []string{"x", "é", "日", "\x1b", "\u202e"} {
		shown := text.Line(unit)
		fits := strings.Repeat(unit, text.MaxLine/len(shown))
		if got := text.Line(fits); got != strings.Repeat(shown, text.MaxLine/len(shown)) {
			t.Errorf("%q: what fits became %q", unit, got)
		}
		for _, long := range []string{fits + unit + unit + unit, strings.Repeat(unit, 200<<10)} {
			got := text.Line(long)
			whole := strings.TrimSuffix(got, "...")
			if len(got) > text.MaxLine || whole == got || strings.ReplaceAll(whole, shown, "") != "" {
				t.Errorf("%q: %d bytes: %q", unit, len(got), got)
			}
			got = text.Quote(long)
			if whole, ok := strings.CutSuffix(got, `"...`); !ok || len(got) > text.MaxLine || strings.ReplaceAll(whole[1:], shown, "") != "" {
				t.Errorf("%q: Quote: %d bytes: %s", unit, len(got), got)
			}
		}
	}
	if got := text.Line("x" + strings.Repeat(" ", 1<<20) + "y"); got != "x y" {
		t.Errorf("%.60q", got)
	}
	got := text.Lines(strings.Repeat("a line\n", 100<<10))
	if len(got) > text.MaxLines || len(got) < text.MaxLines-20 || !strings.HasSuffix(got, "\n...") {
		t.Errorf("%d bytes, ending with %q", len(got), got[len(got)-10:])
	}
	got = text.Lines(strings.Repeat("x", 1<<20) + "\nnext")
	if want := strings.Repeat("x", text.MaxLine-3) + "...\nnext"; got != want {
		t.Errorf("a long line: %q", got)
	}
}

func FuzzForeignText(f *testing.F) {
	f.Add("a\x1b]0;x\a\r\nb\u202e\xff")
	f.Add(strings.Repeat("日\n", 400))
	f.Fuzz(func(t *testing.T, s string) {
		line, quote, lines := text.Line(s), text.Quote(s), text.Lines(s)
		if len(line) > text.MaxLine || len(quote) > text.MaxLine || len(lines) > text.MaxLines {
			t.Fatalf("too long: %d, %d, %d", len(line), len(quote), len(lines))
		}
		for _, shown := range []string{line, quote, strings.NewReplacer("\n", "", "\t", "").Replace(lines)} {
			if !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("not printable: %q", shown)
			}
		}
		if again := text.Line(line); again != line {
			t.Fatalf("Line of its own result: %q, %q", line, again)
		}
	})
}

func TestTrimPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"keys: wrong passphrase":          "wrong passphrase",
		"conch: keys: both":               "both",
		"ssh: handshake failed":           "ssh: handshake failed",
		"open keys: no such file":         "open keys: no such file",
		"keys:x":                          "keys:x",
		"agent":                           "agent",
		"filetransfer: agent: \x1b":       "\x1b",
		"connect: agent: is not in front": "connect: agent: is not in front",
	} {
		if got := text.TrimPrefix(errors.New(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	wrapped := fmt.Errorf("reactor: %w", errors.New("conch: refused"))
	if got := text.TrimPrefix(wrapped); got != "refused" {
		t.Errorf("wrapped: %q", got)
	}
}

// TestTrimPrefixKnowsAllPackages: a new package is not forgotten.
func TestTrimPrefixKnowsAllPackages(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	for _, top := range []string{"deferred", "reactor", "conch"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			switch name := d.Name(); {
			case name == "testdata" || name == "internal" || name == "cmd" || strings.HasPrefix(name, "."):
				return fs.SkipDir
			case strings.HasSuffix(name, "test"):
				return nil // makes no errors that others wrap
			default:
				if text.TrimPrefix(errors.New(name+": x")) != "x" {
					t.Errorf("the name of %s is not removed", path)
				}
				return nil
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPath: a name in a list keeps its blanks and quotes, and nothing else that
// a terminal could obey.
func TestPath(t *testing.T) {
	for in, want := range map[string]string{
		"a  b":             "a  b",
		` "q" \ ':`:        ` "q" \ ':`,
		"x\x1b[2J\ny\tz\r": `x\x1b[2J\ny\tz\r`,
		"a\u202eb\xff":     `a\u202eb\xff`,
		"日本":               "日本",
		"":                 "",
	} {
		if got := text.Path(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := text.Path(strings.Repeat("x", text.MaxLines+1)); len(got) != text.MaxLines || !strings.HasSuffix(got, "x...") {
		t.Errorf("a long name has %d bytes", len(got))
	}
}
