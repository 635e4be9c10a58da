package insults_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// seeds are beginnings for the fuzz targets: what the recorded traces are made
// of.
var seeds = []string{"abc\r\n", "\x1b[A\x1bOP\x1b[3~\x1b[1;5C", "\x1b\x1b[A\x1b[[A", "\x1b[5;3H\x1b[2J\x1b[1;4m\x1b[?25l", "é你😀\xff",
	"\x1b]0;t\x07\x1b(0\x1b#3\x1bN", "\x1b[6n\x1b[2;4r\x1b[99L\x1b[4h", "e\u0301\U0001F469\u200d\U0001F467", "\x1b[200~x\ty\r\n\x1b[201~", "\t\x1bH\x1b[3g"}

func addSeeds(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(3))
	}
}

// pieces cuts data into pieces of that size.
func pieces(data []byte, size uint8) (cut [][]byte) {
	for len(data) > 0 {
		n := min(max(int(size), 1), len(data))
		cut = append(cut, data[:n])
		data = data[n:]
	}
	return cut
}

// The keys do not depend on how the input is cut, and none is out of range.
func FuzzServerProtocol(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, cut := new(program), new(program)
		s, _ := serve(whole)
		s.DataReceived(bytes.Clone(data))
		other, _ := serve(cut)
		for _, p := range pieces(data, size) {
			other.DataReceived(p)
		}
		keys, unknown := show(whole)
		if k, u := show(cut); k != keys || u != unknown {
			t.Errorf("%q in pieces: %q %q, whole: %q %q", data, k, u, keys, unknown)
		}
		for _, stroke := range whole.strokes {
			if strings.HasPrefix(stroke.Key.String(), "[KEY") || stroke.Key.IsRune() && !utf8.ValidRune(rune(stroke.Key)) {
				t.Errorf("key %v", stroke)
			}
		}
		s.ConnectionLost(io.EOF)
	})
}

// The picture does not depend on how the output is cut, and stays in bounds.
func FuzzClientProtocol(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		width, height := 1+int(size%13), 1+int(size/13%7)
		whole := draw(width, height, string(data))
		cut := insults.NewTerminalBuffer(width, height)
		client := insults.NewClientProtocol(cut)
		reactortest.Connect(client)
		for _, p := range pieces(data, size) {
			client.DataReceived(p)
		}
		if whole.String() != cut.String() || whole.Cursor() != cut.Cursor() {
			t.Errorf("in pieces %q %v, whole %q %v", cut, cut.Cursor(), whole, whole.Cursor())
		}
		sound(t, whole)
		reactor.EndConnection(client, io.EOF)
	})
}

// sound fails the test if the screen is not what a screen can be.
func sound(t *testing.T, b *insults.TerminalBuffer) {
	t.Helper()
	if at := b.Cursor(); at.Column < 0 || at.Column > b.Width() || at.Line < 0 || at.Line >= b.Height() {
		t.Errorf("cursor %v", at)
	}
	if n := strings.Count(b.String(), "\n") + 1; n != b.Height() {
		t.Errorf("%d lines", n)
	}
	for y := range b.Height() {
		for x := range b.Width() {
			cell, next := b.GetCharacter(x, y), b.GetCharacter(x+1, y)
			wide := insults.ClusterCells(cell.Text) == 2 && b.Width() > 1
			if cell.Continuation && cell.Text != "" || x == 0 && cell.Continuation || wide != next.Continuation && x+1 < b.Width() || wide && x+1 == b.Width() {
				t.Fatalf("cells %d and %d of line %d: %+v %+v", x, x+1, y, cell, next)
			}
			if !utf8.ValidString(cell.Text) || len(cell.Text) > insults.MaxClusterLen {
				t.Fatalf("cell %+v", cell)
			}
		}
	}
}

// fragments are what random programs write.
var fragments = []string{"a", "bc", "你", "e\u0301", "\u0301", "😀", "\u200d", "\U0001F467", "\U0001F1E9", "☎\ufe0f", " ", "\t", "\r", "\n", "\r\n", "\b", "\v", "\x0e", "\x0f",
	"\x1bM", "\x1bD", "\x1bE", "\x1b7", "\x1b8", "\x1bN", "\x1bH", "\x1b[g", "\x1b[4h", "\x1b[4l", "\x1b[A", "\x1b[2B", "\x1b[3C", "\x1b[2D", "\x1b[2;3H",
	"\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[J", "\x1b[1J", "\x1b[P", "\x1b[2P", "\x1b[L", "\x1b[2M", "\x1b[2;3r", "\x1b[r", "\x1b[7;31m", "\x1b[m", "\x1b[3G", "\x1b[2d", "\x1b[2@", "\x1b[3X", "\x1b[S", "\x1b[T", "\xff", "\xe4\xbd"}

// T-INSULTS-120: whatever a program writes, wide characters are never cut.
func TestRandomScreens(t *testing.T) {
	rounds := 500
	if long {
		rounds = 50_000
	}
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 3))
		b := draw(1+random.IntN(7), 1+random.IntN(5))
		client := insults.NewClientProtocol(b)
		reactortest.Connect(client)
		var written []string
		for range 80 {
			fragment := fragments[random.IntN(len(fragments))]
			written = append(written, fragment)
			client.DataReceived([]byte(fragment))
			if random.IntN(100) == 0 {
				b.Resize(1+random.IntN(7), 1+random.IntN(5))
			}
		}
		if sound(t, b); t.Failed() {
			t.Fatalf("seed %d: %q", seed, written)
		}
	}
}
