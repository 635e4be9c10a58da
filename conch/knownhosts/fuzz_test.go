package knownhosts

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

func seeds() []string {
	return []string{
		"", "# comment", "host", "host ssh-ed25519 AAAA", "@revoked", "@cert-authority * ssh-ed25519 ",
		line("host", ed(1)), line("[host]:22,*.org,!a?", ec(1)) + " a comment\r", line("h", rsaKey(1)),
		marked(revoked, "*", ed(1)), "@cert-authority\t" + line("*.org", ed(1)),
		line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|bFDVYqbsfLlUB0fPAZemUYx8Gnc=", ed(1)),
		line("|1|AAEC|bFDV", ed(1)), line("host", ed(1))[:70],
	}
}

// The columns of an understood line make a line that is understood the same way.
func FuzzParseEntry(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, ok := parseEntry(text)
		if !ok || !e.decode() {
			return
		}
		e.matches("host")
		again, ok := parseEntry(strings.TrimSpace(marked(e.marker, e.hosts, e.key)))
		if !ok || !again.decode() {
			t.Fatalf("%q is not understood again", text)
		}
		if again.marker != e.marker || again.hosts != e.hosts || !sameKey(again.key, e.key) {
			t.Fatalf("%#v became %#v", e, again)
		}
	})
}

// The lines of any file, joined again, are the file.
func FuzzReadLines(f *testing.F) {
	f.Add(strings.Join(seeds(), "\n"))
	f.Add("\r\n\n\x00\nlast")
	f.Fuzz(func(t *testing.T, whole string) {
		var got []string
		for text, err := range readLines(strings.NewReader(whole)) {
			if err != nil {
				return // a line is too long; TestLineLimit has that
			}
			got = append(got, text)
		}
		if want := strings.TrimSuffix(whole, "\n"); strings.Join(got, "\n") != want {
			t.Fatalf("read %q, want %q", got, want)
		}
	})
}

// Text for a person is one printable line, whatever it is made of.
func FuzzF26_Text(f *testing.F) {
	f.Add("host")
	f.Add("a\x1b[2J\u202e\xff\"\n" + strings.Repeat("x", 1000))
	f.Fuzz(func(t *testing.T, foreign string) {
		for _, shown := range []string{text.Quote(foreign), text.Line(foreign)} {
			if !printable(strings.ReplaceAll(shown, " ", "")) || len(shown) > text.MaxLine {
				t.Fatalf("%q became %q", foreign, shown)
			}
		}
		if name := HostPort(foreign, 22); name.validate() == nil {
			if e, ok := parseEntry(line(name.String(), ed(1))); !ok || !e.decode() || e.hosts != name.String() {
				t.Fatalf("%q is recorded as %#v", name, e)
			}
		}
	})
}

// The pattern matcher agrees with a regular expression.
func FuzzWildcard(f *testing.F) {
	f.Add("*.example.org", "a.example.org")
	f.Add("a*b*?c", "aXbYbZc")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern)+len(name) > 100 {
			return
		}
		escape := strings.NewReplacer(`\*`, `[\x{0}-\x{10FFFF}]*`, `\?`, `[\x{0}-\x{10FFFF}]`)
		expression := regexp.MustCompile(`\A` + escape.Replace(regexp.QuoteMeta(latin1(pattern))) + `\z`)
		if got, want := wildcard.Match(name, pattern), expression.MatchString(latin1(name)); got != want {
			t.Fatalf("Match(%q, %q) = %v", name, pattern, got)
		}
	})
}

// latin1 makes a rune of each byte, because the matcher works on bytes.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
