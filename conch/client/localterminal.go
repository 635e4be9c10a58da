package client

import (
	"cmp"
	"os"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/ttymodes"
	"golang.org/x/term"
)

// LocalTerminal returns a terminal for a session that is like a terminal of this
// machine: its type, from the environment variable TERM, its size in characters
// and, on Linux and macOS, its modes. Get it before the terminal is raw. Any
// goroutine may call LocalTerminal. It returns an error if f is no terminal.
func LocalTerminal(f *os.File) (*Terminal, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var columns, rows int
	if cerr := raw.Control(func(fd uintptr) { columns, rows, err = term.GetSize(int(fd)) }); cerr != nil || err != nil {
		return nil, cmp.Or(cerr, err)
	}
	t := &Terminal{Term: cmp.Or(os.Getenv("TERM"), "dumb"), Size: conch.WindowSize{Rows: uint32(max(rows, 0)), Columns: uint32(max(columns, 0))}}
	modes, err := ttymodes.Get(f)
	for _, m := range modes {
		t.Modes = append(t.Modes, conch.TerminalMode(m))
	}
	return t, err
}
