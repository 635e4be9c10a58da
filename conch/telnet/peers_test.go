//go:build unix

package telnet_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// echoTerminal writes each key as a number, and the size of the window. Ctrl-D
// ends the connection.
type echoTerminal struct {
	reactor.BaseProtocol
	keys []byte
	lost chan<- []byte // gets the keys at the end; has a place
}

func (e *echoTerminal) ConnectionMade() { e.Transport().Write([]byte("welcome\n")) }

func (e *echoTerminal) DataReceived(data []byte) {
	e.keys = append(e.keys, data...)
	for _, key := range data {
		e.Transport().Write(fmt.Appendf(nil, "<%d>", key))
		if key == 4 {
			e.Transport().Write([]byte("\nbye\n"))
			e.Transport().LoseConnection()
		}
	}
}

func (e *echoTerminal) TerminalSize(width, height int) {
	e.Transport().Write(fmt.Appendf(nil, "[%dx%d]", width, height))
}

func (e *echoTerminal) ConnectionLost(error) { e.lost <- e.keys }

func echoTerminals(lost chan<- []byte) telnet.Protocol {
	return &telnet.TelnetBootstrapProtocol{ProtocolFactory: func() reactor.Protocol { return &echoTerminal{lost: lost} }}
}

// withLogin returns a protocol on which guest logs in with the password
// "sesame".
func withLogin(r *reactor.Reactor, avatar realm) telnet.Protocol {
	return authenticating(r, map[string]string{"guest": "sesame"}, avatar)
}

// serve starts a server.
func serve(t *testing.T, r *reactor.Reactor, newProtocol func() telnet.Protocol) (port string) {
	t.Helper()
	factory := reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{Logger: r.Logger(), ProtocolFactory: newProtocol}
	})
	listening, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) {
			return r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return portOf(listening.GetHost())
}

// portOf returns the port of an address.
func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String()) // the address has a port
	return port
}

// screen is a program in a terminal.
type screen struct {
	t      *testing.T
	tty    *os.File
	output chan string // closed at the end
	seen   string      // output that expect has not passed yet
	all    strings.Builder
}

// show starts a program in a terminal of 100 columns and 32 rows.
func show(t *testing.T, name string, args ...string) *screen {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), conchtest.Program(t, name), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm", "LC_ALL=C")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 32})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, tty: tty, output: make(chan string, 1000)}
	go func() { // ends with the program
		defer close(s.output)
		buffer := make([]byte, 4096)
		for {
			n, err := tty.Read(buffer)
			if n > 0 {
				s.output <- string(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error means that it has ended
		_ = cmd.Wait()         // the exit status does not matter
		for text := range s.output {
			s.all.WriteString(text)
		}
		tty.Close()
		if t.Failed() {
			t.Logf("%s has shown:\n%q", name, s.all.String())
		}
	})
	return s
}

// types types text.
func (s *screen) types(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits until the program has shown text, and returns what precedes it.
func (s *screen) expect(text string) (before string) {
	s.t.Helper()
	timeout := time.After(sshtest.Patience)
	for {
		if before, after, ok := strings.Cut(s.seen, text); ok {
			s.seen = after
			return before
		}
		select {
		case more, ok := <-s.output:
			if !ok {
				s.t.Fatalf("the program has ended, before %q; it has shown %q", text, s.seen)
			}
			s.seen += more
			s.all.WriteString(more)
		case <-timeout:
			s.t.Fatalf("no %q within %v, but %q", text, sshtest.Patience, s.seen)
		}
	}
}

// ends waits until the program ends. A client need not show the last data
// before the end of a connection, so tests do not wait for that.
func (s *screen) ends() {
	s.t.Helper()
	timeout := time.After(sshtest.Patience)
	for {
		select {
		case more, ok := <-s.output:
			if !ok {
				return
			}
			s.all.WriteString(more)
		case <-timeout:
			s.t.Fatalf("the program does not end within %v", sshtest.Patience)
		}
	}
}

// resize changes the size of the terminal.
func (s *screen) resize(width, height uint16) {
	s.t.Helper()
	if err := pty.Setsize(s.tty, &pty.Winsize{Cols: width, Rows: height}); err != nil {
		s.t.Fatal(err)
	}
}

// client is a telnet client of another project.
type client struct {
	args    []string // before the host and the port
	enter   byte     // what it sends for Return
	resizes bool     // it reports changes of the size
}

// clients are those of the inetutils, of PuTTY, and of busybox.
var clients = map[string]client{
	"telnet":  {nil, '\r', true},
	"plink":   {[]string{"-telnet"}, '\r', true},
	"busybox": {[]string{"telnet"}, '\n', false},
}

// show starts the client in a terminal.
func (c client) show(t *testing.T, name, port string) *screen {
	t.Helper()
	args := append(slices.Clone(c.args), "127.0.0.1", port)
	if name == "plink" {
		args = append(slices.Clone(c.args), "-P", port, "127.0.0.1")
	}
	return show(t, name, args...)
}

// TestT_TELNET_50_52_53_Clients types keys with real clients, and changes the
// size of the window.
func TestT_TELNET_50_52_53_Clients(t *testing.T) {
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			lost := make(chan []byte, 1)
			port := serve(t, sshtest.Start(t), func() telnet.Protocol { return echoTerminals(lost) })
			useTerminal(t, client.show(t, name, port), client, lost)
		})
	}
}

// useTerminal types keys into an echoTerminal.
func useTerminal(t *testing.T, s *screen, c client, lost <-chan []byte) {
	t.Helper()
	s.expect("welcome")
	s.expect("[100x32]")
	s.types("a")
	if shown := s.expect("<97>"); strings.Contains(shown, "a") {
		t.Errorf("the client shows the key too: %q", shown)
	}
	s.types("\x1b[A\r")
	s.expect(fmt.Sprintf("<27><91><65><%d>", c.enter))
	if c.resizes {
		s.resize(71, 19)
		s.expect("[71x19]")
	}
	s.types("\x15\x7f")
	s.expect("<21><127>")
	for _, key := range "\x03\x1a\x1c" {
		// telnet drops what it has not sent, and then what it receives until
		// there is an answer to its command.
		s.types(string(key) + "b")
		s.expect("<98>")
	}
	s.types("\x04")
	s.ends()
	if keys, want := string(<-lost), "a\x1b[A"+string(rune(c.enter))+"\x15\x7f\x03b\x1ab\x1cb\x04"; keys != want {
		t.Errorf("keys %q, want %q", keys, want)
	}
}

// logIn logs in as guest.
func (s *screen) logIn() {
	s.t.Helper()
	s.expect("Username: ")
	s.types("guest\r")
	s.expect("Password: ")
	s.types("sesame\r")
}

// TestT_TELNET_40_41_43_Clients logs in with real clients, and then uses a
// terminal.
func TestT_TELNET_40_41_43_Clients(t *testing.T) {
	for name, client := range clients {
		if name == "busybox" {
			continue // when ECHO has gone off once, it sends lines for ever
		}
		t.Run(name, func(t *testing.T) {
			lost, r := make(chan []byte, 1), sshtest.Start(t)
			port := serve(t, r, func() telnet.Protocol {
				return withLogin(r, func(string) telnet.Protocol { return echoTerminals(lost) })
			})
			s := client.show(t, name, port)
			s.logIn()
			useTerminal(t, s, client, lost)
			if all := s.all.String(); strings.Contains(all, "sesame") {
				t.Errorf("the password is shown: %q", all)
			}
		})
	}
}

// shouter sends lines back in capitals.
type shouter struct{ telnet.StatefulTelnetProtocol }

func (s *shouter) ConnectionMade() { s.SendLine([]byte("welcome")) }

func (s *shouter) LineReceived(line []byte) {
	s.SendLine([]byte(strings.ToUpper(string(line))))
	if string(line) == "bye" {
		s.Transport().LoseConnection()
	}
}

// TestT_TELNET_33_34_Clients logs in with real clients, and then sends lines.
func TestT_TELNET_33_34_Clients(t *testing.T) {
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			r := sshtest.Start(t)
			port := serve(t, r, func() telnet.Protocol {
				return withLogin(r, func(string) telnet.Protocol { return &shouter{} })
			})
			s := client.show(t, name, port)
			s.logIn()
			s.expect("welcome")
			s.types("hello\r")
			s.expect("hello") // the client's echo
			s.expect("HELLO")
			s.types("bye\r")
			s.ends()
			if all := s.all.String(); strings.Contains(all, "sesame") {
				t.Errorf("the password is shown: %q", all)
			}
		})
	}
}
