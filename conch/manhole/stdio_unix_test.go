//go:build unix

package manhole

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
	"golang.org/x/term"
)

// editor is a program that panics when it gets the line "panic".
type editor struct {
	recvline.RecvLine
	lost int
}

func (e *editor) LineReceived(line string) {
	if line == "panic" {
		panic("boom")
	}
	e.WritePrompt()
}

func (e *editor) ConnectionLost(error) { e.lost++ }

func readAll(t *testing.T, r io.Reader, until string) string {
	t.Helper()
	var got bytes.Buffer
	for !strings.HasSuffix(got.String(), until) {
		if _, err := io.CopyN(&got, r, 1); err != nil {
			t.Fatalf("%q, then %v; want %q", got.String(), err, until)
		}
	}
	return got.String()
}

// The program runs on the terminal of the process, in raw mode, and knows its
// size. At the end the terminal is as before, whatever the cause.
func TestT_STDIO_1_3_RunWithProtocol(t *testing.T) {
	for _, row := range []struct {
		name, keys string
		act        func(r *reactor.Reactor, e *editor)
	}{
		{"the program ends", "", func(_ *reactor.Reactor, e *editor) { e.Terminal().LoseConnection() }},
		{"the reactor stops", "", func(r *reactor.Reactor, _ *editor) { _ = r.Stop() }},
		{"a panic", "panic\r", func(*reactor.Reactor, *editor) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer tty.Close()
			if err := pty.Setsize(tty, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
				t.Fatal(err)
			}
			before, err := term.GetState(int(tty.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			r := reactor.New(reactor.Options{Logger: slog.New(slog.DiscardHandler)})
			e := &editor{}
			var terminal *insults.ServerProtocol
			ended := make(chan error, 1)
			go func() { // ends with the reactor
				ended <- runOn(r, reactor.StandardIOOptions{Stdin: tty, Stdout: tty}, func() insults.Protocol { return e })
			}()
			readAll(t, master, "\x1bc>>> \x1b[4h\x1b[2J\x1b[H>>> ")
			r.CallFromThread(func() {
				terminal = e.Terminal().(*ownTerminal).ServerProtocol
				terminal.WindowChanged(reactor.WindowSize{Rows: 5, Columns: 7})
			})
			readAll(t, master, "\x1b[2J\x1b[H>>> ")
			if _, err := io.WriteString(master, "\x03x\x7f"); err != nil { // keys, no signals
				t.Fatal(err)
			}
			readAll(t, master, "x\x1b[1D\x1b[1P")
			if _, err := io.WriteString(master, row.keys); err != nil {
				t.Fatal(err)
			}
			r.CallFromThread(func() { row.act(r, e) })
			readAll(t, master, "\r\x1bc\r")
			if err := <-ended; err != nil {
				t.Error(err)
			}
			after, err := term.GetState(int(tty.Fd()))
			if err != nil || *after != *before {
				t.Errorf("the terminal has another mode, or %v", err)
			}
			if w, h := terminal.TermSize(); w != 7 || h != 5 || e.lost != 1 {
				t.Errorf("size %d × %d, lost %d times", w, h, e.lost)
			}
		})
	}
}

// Without a terminal there is an error, and the program is not made.
func TestT_STDIO_1_NoTerminal(t *testing.T) {
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer w.Close()
	if _, err := io.WriteString(w, "keys"); err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := reactor.New(reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	made := false
	err = runOn(r, reactor.StandardIOOptions{Stdin: in, Stdout: out}, func() insults.Protocol {
		made = true
		return &editor{}
	})
	if !errors.Is(err, errors.ErrUnsupported) || made {
		t.Errorf("%v, made %v", err, made)
	}
	if info, err := out.Stat(); err != nil || info.Size() > 0 {
		t.Errorf("%v bytes of output, %v", info.Size(), err)
	}
}
