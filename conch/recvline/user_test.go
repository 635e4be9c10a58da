package recvline_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// user sits at a terminal, on which a program edits lines.
type user struct {
	t       *testing.T
	program *shell
	server  *insults.ServerProtocol
	wire    *reactortest.StringTransport
	screen  *insults.TerminalBuffer
	client  *insults.ClientProtocol
	lines   []string // that the program got
	sent    string   // the last output
}

// shell is a program with a history.
type shell struct {
	recvline.HistoricRecvLine
	user  *user
	setup func(*shell)
}

func (s *shell) ConnectionMade() {
	if s.setup != nil {
		s.setup(s)
	}
	s.HistoricRecvLine.ConnectionMade()
}

func (s *shell) LineReceived(line string) {
	s.user.lines = append(s.user.lines, line)
	s.WritePrompt()
}

// newUser connects a user with a screen of that size. setup may be nil; it is
// called before the terminal is initialized.
func newUser(t *testing.T, width, height int, setup func(*shell)) *user {
	t.Helper()
	u := &user{t: t, wire: reactortest.NewStringTransport(), screen: insults.NewTerminalBuffer(width, height)}
	u.client = insults.NewClientProtocol(u.screen)
	reactortest.Connect(u.client)
	u.program = &shell{user: u, setup: setup}
	u.server = insults.NewServerProtocol(func() insults.Protocol { return u.program })
	reactor.MakeConnection(u.server, u.wire)
	u.server.TerminalSize(width, height)
	u.look()
	return u
}

// look shows the output on the screen.
func (u *user) look() {
	u.sent = u.wire.TakeValue()
	u.client.DataReceived([]byte(u.sent))
}

// types types keys, in as many pieces.
func (u *user) types(pieces ...string) *user {
	for _, p := range pieces {
		u.server.DataReceived([]byte(p))
		u.look()
	}
	return u
}

// resize changes the size of the screen.
func (u *user) resize(width, height int) {
	u.screen.Resize(width, height)
	u.server.TerminalSize(width, height)
	u.look()
}

// wantSent fails the test if the last output was another one.
func (u *user) wantSent(want string) {
	u.t.Helper()
	if u.sent != want {
		u.t.Errorf("sent %q, want %q", u.sent, want)
	}
}

// wantLine fails the test if line and cursor are not those, or the screen does
// not show them. The cursor is "|" in want.
func (u *user) wantLine(want string) {
	u.t.Helper()
	before, after := u.program.CurrentLineBuffer()
	if got := before + "|" + after; got != want {
		u.t.Errorf("line %q, want %q", got, want)
	}
	if problem := u.wrong(); problem != "" {
		u.t.Error(problem)
	}
}

// layout is a model of a terminal: it returns the rows of a text, and where the
// cursor is behind it. A full row is followed by another one.
func layout(text string, width int) (rows []string, column int) {
	rows = []string{""}
	for _, c := range insults.Clusters(text) {
		cells := min(insults.ClusterCells(c), width)
		if column+cells > width {
			rows, column = append(rows, ""), 0
		}
		rows[len(rows)-1] += c
		column += cells
	}
	return rows, column
}

// cursorOf returns the row and column of the cursor between two parts of a
// text.
func cursorOf(before, after string, width int) (row, column int) {
	rows, column := layout(before, width)
	if after != "" {
		longer, _ := layout(before+insults.Clusters(after)[0], width)
		if len(longer) > len(rows) {
			return len(longer) - 1, 0
		}
		return len(rows) - 1, column
	}
	if column == width {
		return len(rows), 0
	}
	return len(rows) - 1, column
}

// wrong returns what is wrong on the screen: it must show prompt and line, with
// the cursor in its place and nothing below.
func (u *user) wrong() string {
	before, after := u.program.CurrentLineBuffer()
	prompt := u.program.Prompt()
	prompt = prompt[strings.LastIndexByte(prompt, '\n')+1:]
	width := u.screen.Width()
	rows, _ := layout(prompt+before+after, width)
	row, column := cursorOf(prompt+before, after, width)
	at := u.screen.Cursor()
	if before+after == "" && at.Column == width { // the program has just written the prompt
		row, column = len(rows)-1, width
	}
	shown := strings.Split(u.screen.String(), "\n")
	first := at.Line - row
	describe := func(problem string) string {
		return fmt.Sprintf("%s: %q|%q, cursor %v\nscreen %q\nrows %q, cursor %d, %d", problem, before, after, at, shown, rows, column, row)
	}
	if at.Column != column || first < 0 || first+len(rows) > len(shown) {
		return describe("cursor")
	}
	for i, text := range shown[first:] {
		want := ""
		if i < len(rows) {
			want = plain(rows[i])
		}
		if strings.TrimRight(text, " ") != strings.TrimRight(want, " ") {
			return describe(fmt.Sprintf("row %d", i))
		}
	}
	return ""
}

// plain returns text without control sequences.
func plain(text string) string { return strings.Join(insults.Clusters(text), "") }

// alphabet is what random users type.
var alphabet = []string{"a", "b", "c", " ", "x", "你", "é", "e\u0301", "\u0301", "😀", "\u200d", "\U0001F469", "☎\ufe0f", "한",
	"\x1b[D", "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F", "\x7f", "\x7f", "\x1b[3~", "\x1b[2~", "\t", "\r", "\x1b[A", "\x1b[B",
	"\x01", "\x05", "\x17", "\x0b", "\x15", "\x19", "\x14", "\x1bb", "\x1bf", "\x1bd", "\x0c", "\x12", "\x12", "\x07", "\x1b[200~", "\x1b[201~", "\xff"}

// T-RECVLINE-8, 10, 11, 13, 14, 34: whatever a user types at whatever width,
// the screen shows prompt and line, and the cursor in its place; also after
// each resize, and after output that arrives meanwhile.
func TestT_RECVLINE_13_ScreenShowsLine(t *testing.T) {
	seeds := 150
	if long {
		seeds = 5000
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		prompts := []string{">>> ", "", "$ ", "\x1b[32mab\x1b[0m> ", "first\n> ", "你> "}
		prompt := prompts[random.IntN(len(prompts))]
		u := newUser(t, 1+random.IntN(12), 60, func(s *shell) {
			s.PS = [2]string{prompt, "..."}
			s.MaxLength = 40
			s.BindReadlineKeys()
		})
		var typed []string
		for range 60 {
			key := alphabet[random.IntN(len(alphabet))]
			switch n := random.IntN(40); n {
			case 0:
				key = "resize"
				u.resize(1+random.IntN(12), 60)
			case 1:
				key = "output"
				u.program.AddOutput("some output\n"[:1+random.IntN(12)], true)
				u.look()
			default:
				u.types(key)
			}
			typed = append(typed, key)
			if u.program.Pasting() {
				continue // drawn at the end of the paste
			}
			if problem := u.wrong(); problem != "" {
				t.Fatalf("seed %d, width %d, prompt %q: %q\n%s", seed, u.screen.Width(), prompt, typed, problem)
			}
		}
	}
}
