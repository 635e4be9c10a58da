package knownhosts

import (
	"regexp"
	"strings"
	"testing"
)

func seeds() []string {
	return []string{
		"", "# comment", "host", "host ssh-ed25519 AAAA", "@revoked", "@cert-authority * ssh-ed25519 ",
		line("host", ed(1)), line("[host]:22,*.org,!a?", ec(1)) + " a comment\r", line("h", rsaKey(1)),
		marked(Revoked, "*", ed(1)), "@cert-authority\t" + line("*.org", ed(1)),
		line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|bFDVYqbsfLlUB0fPAZemUYx8Gnc=", ed(1)),
		line("|1|AAEC|bFDV", ed(1)), line("host", ed(1))[:70],
	}
}

// An entry prints back as it was read; what was understood of it makes a line that is understood the same way.
func FuzzParseEntry(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEntry(text)
		if e.String() != text {
			t.Fatalf("prints back as %q", e)
		}
		e.MatchesHost("host")
		if !e.Parsed() {
			if e.Marker != NoMarker || e.Hosts != "" || e.Comment != "" || e.MatchesHost("host") || e.MatchesKey(ed(1)) {
				t.Fatalf("not understood, yet it says something: %#v", e)
			}
			return
		}
		again, err2 := ParseEntry(formatLine(e.Marker, e.Hosts, e.Key, e.Comment))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if again.Marker != e.Marker || again.Hosts != e.Hosts || again.Comment != e.Comment || !again.MatchesKey(e.Key) {
			t.Fatalf("%#v became %#v", e, again)
		}
	})
}

// The lines of any file, joined again, are the file.
func FuzzReadLines(f *testing.F) {
	f.Add(strings.Join(seeds(), "\n"))
	f.Add("\r\n\n\x00\nlast")
	f.Fuzz(func(t *testing.T, text string) {
		var got []string
		for line, err := range readLines(strings.NewReader(text), "file") {
			if err != nil {
				return // a line is too long; TestLineLimit has that
			}
			got = append(got, line.entry().String())
		}
		if want := strings.TrimSuffix(text, "\n"); strings.Join(got, "\n") != want {
			t.Fatalf("read %q, want %q", got, want)
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
		if got, want := wildcard(pattern, name), expression.MatchString(latin1(name)); got != want {
			t.Fatalf("wildcard(%q, %q) = %v", pattern, name, got)
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
