package client

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a pseudo terminal. It returns the user's end and the
// name of the other end.
func pseudoTerminal(t *testing.T) (user *os.File, name string) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	raw, err := user.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	if cerr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return user, fmt.Sprintf("/dev/pts/%d", number)
}

// settings returns the settings of a terminal.
func settings(t *testing.T, name string) unix.Termios {
	t.Helper()
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// TestConsole_Terminal asks on a pseudo terminal. Typed secrets are not echoed,
// and the settings are always restored: C-AUTH-37, C-AUTH-38, C-AUTH-40.
func TestConsole_Terminal(t *testing.T) {
	for _, row := range []struct {
		name, typed, want string
		cancel            bool
		err               error
	}{
		{"answered", "secret\r", "secret", false, nil},
		{"interrupted", "sec\x03", "", false, ErrInterrupted},
		{"cancelled", "sec", "", true, deferred.ErrCancelled},
	} {
		t.Run(row.name, func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			user, name := pseudoTerminal(t)
			held, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0) // a terminal loses its settings when no process has it open
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { held.Close() })
			before := settings(t, name)
			r := reactortest.Start(t, reactor.Options{})
			u := &ConsoleUI{r: r, open: func() (terminal, error) {
				f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
				return &tty{in: f, out: f}, err
			}}
			asked := make(chan deferred.Deferred[string], 1)
			r.CallFromThread(func() { asked <- u.ReadLine("Password: ", false) })
			d := <-asked
			shown := readUntil(t, user, "Password: ")
			if during := settings(t, name); during.Lflag&unix.ECHO != 0 {
				t.Error("what is typed is shown")
			}
			if _, err := user.WriteString(row.typed); err != nil {
				t.Fatal(err)
			}
			got, err := reactor.Await(t.Context(), r, func() deferred.Deferred[string] {
				if row.cancel {
					d.Cancel()
				}
				return d
			})
			if got != row.want || !errors.Is(err, row.err) || strings.Contains(shown, "sec") {
				t.Errorf("got %q, %v after %q", got, err, shown)
			}
			u.turn.Lock() // waits until the dialogue is over
			defer u.turn.Unlock()
			if settings(t, name) != before {
				t.Error("the settings are not what they were")
			}
		})
	}
}

// readUntil reads the terminal's output up to text.
func readUntil(t *testing.T, user *os.File, text string) string {
	t.Helper()
	var seen []byte
	for !strings.Contains(string(seen), text) {
		p := make([]byte, 64)
		n, err := user.Read(p)
		if err != nil {
			t.Fatalf("%q, %v", seen, err)
		}
		seen = append(seen, p[:n]...)
	}
	return string(seen)
}
