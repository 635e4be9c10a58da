package recvline_test

import (
	"strings"
	"testing"
)

// wantShown fails the test if the last line of the screen is another one.
func (u *user) wantShown(want string) {
	u.t.Helper()
	shown := strings.Split(strings.TrimRight(u.screen.String(), " \n"), "\n")
	if got := strings.TrimRight(shown[len(shown)-1], " "); got != want {
		u.t.Errorf("the screen shows %q, want %q", got, want)
	}
}

func TestSearch(t *testing.T) {
	u := newUser(t, 60, 20, func(s *shell) { s.BindReadlineKeys() })
	u.types("get one\r", "put two\r", "get three\r", "日本\r")
	u.types("begun\x1b[D\x12")
	u.wantShown("(reverse-i-search)`': begun")
	u.types("g", "e", "t")
	u.wantShown("(reverse-i-search)`get': get three")
	u.wantLine("|get three")
	u.types("\x12")
	u.wantShown("(reverse-i-search)`get': get one")
	u.types("\x12")
	u.wantShown("(failed reverse-i-search)`get': get one")
	u.types("\x7f", "\x7f", "\x7f")
	u.wantShown("(reverse-i-search)`': 日本")
	u.types("two")
	u.wantShown("(reverse-i-search)`two': put two")
	u.wantLine("put |two")
	u.types("\x07")
	u.wantShown(">>> begun")
	u.wantLine("begu|n")

	u.types("\x12tw\x1b[C") // a key that ends the search and moves
	u.wantShown(">>> put two")
	u.wantLine("put t|wo")
	u.types("\x1b[A")
	u.wantLine("get one|") // from there
	u.types("\x1b[B\x1b[B\x1b[B\x1b[B")
	u.wantLine("begun|")

	u.lines = nil
	u.types("\x12本\r", "\x12no such line\r", "\x12\r")
	if got := strings.Join(u.lines, ","); got != "日本,get one," { // the last line that was found
		t.Errorf("lines %q", got)
	}
	u.types(strings.Repeat("x", 40), "\x12", strings.Repeat("o", 300))
	u.resize(30, 20)
	u.types("\x12\x07")
	u.wantLine(strings.Repeat("x", 40) + "|")
}

// Without a history nothing is found.
func TestSearch_Empty(t *testing.T) {
	u := newUser(t, 40, 10, func(s *shell) { s.BindReadlineKeys() })
	u.types("\x12a\x12")
	u.wantShown("(failed reverse-i-search)`a':")
	u.types("\r")
	u.wantLine("|")
}
