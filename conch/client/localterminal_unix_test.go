//go:build linux || darwin

package client_test

import (
	"os"
	"slices"
	"testing"

	"github.com/creack/pty"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
)

// TestC_SCRIPTS_20_LocalTerminal: the type, the size and the modes of a terminal.
func TestC_SCRIPTS_20_LocalTerminal(t *testing.T) {
	far, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer tty.Close()
	if err := pty.Setsize(far, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "vt100")
	local, err := client.LocalTerminal(tty)
	if err != nil || local.Term != "vt100" || local.Size != (conch.WindowSize{Rows: 30, Columns: 100}) {
		t.Errorf("%+v, %v", local, err)
	}
	const intr, echo = 1, 53 // opcodes of RFC 4254, section 8
	for _, want := range []conch.TerminalMode{{Opcode: intr, Value: 3}, {Opcode: echo, Value: 1}} {
		if !slices.Contains(local.Modes, want) {
			t.Errorf("no %v in %v", want, local.Modes)
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if local, err := client.LocalTerminal(null); err == nil {
		t.Errorf("%+v of %s", local, os.DevNull)
	}
}
