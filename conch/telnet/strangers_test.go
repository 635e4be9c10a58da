//go:build unix

package telnet_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// TestT_TELNET_40_50_TwistedClient: Twisted's client logs in and uses a
// terminal.
func TestT_TELNET_40_50_TwistedClient(t *testing.T) {
	needTwisted(t)
	lost, r := make(chan []byte, 1), sshtest.Start(t)
	port := serve(t, r, func() telnet.Protocol {
		return withLogin(r, func(string) telnet.Protocol { return echoTerminals(lost) })
	})
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "testdata/client.py", port)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	want := `received ['Username: ']
enableRemote 1
received ['Password: ']
disableRemote 1
enableLocal 34
enableLocal 31
enableLocal 3
enableRemote 1
subnegotiation 34 0102
received ['welcome', '[81x25]']
received ['<97><13><255>']
lost ConnectionDone ['<4>', 'bye', '']
`
	if err != nil || string(out) != want {
		t.Errorf("%v:\n got %s\nwant %s", err, out, want)
	}
	if keys := <-lost; string(keys) != "a\r\xff\x04" {
		t.Errorf("keys %q", keys)
	}
}

// dialogue is a client that waits for texts, and writes an answer to each.
type dialogue struct {
	telnet.TelnetProtocol
	lines    []string // a text and an answer, in turns
	received string
	all      strings.Builder
	done     deferred.Deferred[string] // fires at the end with everything that was received
}

func (d *dialogue) DataReceived(data []byte) {
	d.received += string(data)
	d.all.Write(data)
	for len(d.lines) > 0 {
		_, after, ok := strings.Cut(d.received, d.lines[0])
		if !ok {
			return
		}
		d.received = after
		d.Transport().Write([]byte(d.lines[1]))
		if strings.HasPrefix(d.lines[1], "AYT") {
			d.Telnet().SendCommand(telnet.AYT)
		}
		d.lines = d.lines[2:]
	}
}

func (d *dialogue) EnableRemote(o telnet.Option) bool { return o == telnet.ECHO || o == telnet.SGA }

func (d *dialogue) EnableLocal(o telnet.Option) bool {
	if o == telnet.NAWS {
		d.Telnet().RequestNegotiation(telnet.NAWS, []byte{0, 81, 0, 25})
	}
	return o == telnet.NAWS || o == telnet.SGA
}

func (d *dialogue) ConnectionLost(error) { d.done.Callback(d.all.String()) }

// talkTo connects a dialogue to a server, and returns what it has received.
func talkTo(t *testing.T, c net.Conn, lines ...string) string {
	t.Helper()
	r := sshtest.Start(t)
	d := &dialogue{lines: lines, done: deferred.New[string]()}
	received, err := sshtest.Await(t, r, func() deferred.Deferred[string] {
		transport := &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return d }}
		if _, err := r.Attach(c, transport, reactor.AttachOptions{}); err != nil {
			return deferred.Fail[string](err)
		}
		return d.done
	})
	if err != nil {
		t.Fatal(err)
	}
	return received
}

// TestT_TELNET_40_TwistedServer: this side's client logs in to Twisted's
// server.
func TestT_TELNET_40_TwistedServer(t *testing.T) {
	needTwisted(t)
	port := sshtest.Stranger(t, exec.Command(python, "-W", "ignore", "testdata/server.py"), "port")
	c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	got := talkTo(t, c, "Username: ", "guest\n", "Password: ", "sesame\n", "size 00510019\n", "AYT",
		"command 246\n", "hello\n", "HELLO\n", "bye\n")
	if want := "Username: Password: welcome\nsize 00510019\ncommand 246\nAYTHELLO\nBYE\n"; got != want {
		t.Errorf("received %q, want %q", got, want)
	}
}

// TestT_TELNET_1_10_15_Telnetd: the same with the server of the inetutils,
// which runs a shell script in a terminal.
func TestT_TELNET_1_10_15_Telnetd(t *testing.T) {
	telnetd := conchtest.Program(t, "telnetd")
	script := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(script,
		[]byte("#!/bin/sh\necho ready\nread line\nstty size\necho \"got $line\"\nread end\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := accepted.(*net.TCPConn).File()
	accepted.Close()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), telnetd, "-h", "-E", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = socket, socket, os.Stderr
	err = cmd.Start()
	socket.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the exit status does not matter; it is killed before
	got := talkTo(t, c, "ready", "hello\n", "got hello", "bye\n")
	if !strings.Contains(got, "25 81") {
		t.Errorf("received %q", got)
	}
}
