//go:build unix

package manhole_test

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// T-MANHOLE-41: a telnet client switches to single keys, and reports its size.
func TestTelnetClient(t *testing.T) {
	program := conchtest.Program(t, "telnet")
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			factory := manhole.NewTelnetFactory(r, newManhole, cred.InMemory(map[string]string{"alice": "sesame"}))
			return r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	host, number, _ := strings.Cut(port.GetHost().String(), ":")
	client := exec.Command(program, host, number)
	client.Env = append(os.Environ(), "TERM=xterm", "HOME="+t.TempDir())
	terminal, err := pty.StartWithSize(client, &pty.Winsize{Rows: 10, Cols: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	types := func(keys string) {
		t.Helper()
		if _, err := io.WriteString(terminal, keys); err != nil {
			t.Fatal(err)
		}
	}
	readUntil(t, terminal, "Username: ")
	types("alice\r")
	readUntil(t, terminal, "Password: ")
	types("sesame\r")
	readUntil(t, terminal, "\x1b[2J\x1b[H>>> ") // knows the size
	types("123456")
	readUntil(t, terminal, "6\x1b[0m \r\x1b[K") // a row of 10 columns is full
	types("\r")
	readUntil(t, terminal, "123456\r\n>>> ")
	types("\x04")
	readUntil(t, terminal, "\x1bc")
	_ = client.Wait() // inetutils exits with 1 when the server closes
}
