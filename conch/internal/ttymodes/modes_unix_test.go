//go:build linux || darwin

package ttymodes_test

import (
	"os"
	"slices"
	"testing"

	"github.com/creack/pty"

	"github.com/hawser-go/hawser/conch/internal/ttymodes"
)

// TestC_SCRIPTS_20_Modes: modes that were set are read back, and others stay.
func TestC_SCRIPTS_20_Modes(t *testing.T) {
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer tty.Close()
	before, err := ttymodes.Get(tty)
	if err != nil {
		t.Fatal(err)
	}
	changes := []ttymodes.Mode{{1, 7}, {3, 255}, {36, 0}, {53, 0}, {72, 0}, {129, 19200}}
	if err := ttymodes.Set(tty, changes); err != nil {
		t.Fatal(err)
	}
	after, err := ttymodes.Get(tty)
	if err != nil || len(after) != len(before) || len(before) < 40 {
		t.Fatal(err, len(before), len(after))
	}
	for i, m := range after {
		want := before[i].Value
		if at := slices.IndexFunc(changes, func(c ttymodes.Mode) bool { return c.Opcode == m.Opcode }); at >= 0 {
			want = changes[at].Value
		}
		if m.Opcode != before[i].Opcode || m.Value != want && m.Opcode != 128 { // Linux has one speed
			t.Errorf("%v, before %v, want %d", m, before[i], want)
		}
	}
	if err := ttymodes.Set(tty, before); err != nil {
		t.Fatal(err)
	}
	if again, err := ttymodes.Get(tty); err != nil || !slices.Equal(again, before) {
		t.Errorf("%v, want %v", again, before)
	}
	if file, err := os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	} else if modes, err := ttymodes.Get(file); err == nil {
		t.Errorf("%v of %s", modes, os.DevNull)
	}
}
