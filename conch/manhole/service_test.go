package manhole_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

func newManhole() insults.Protocol {
	m := manhole.NewColored(starlarkrepl.New, map[string]any{"answer": 42})
	m.Logger = slog.New(slog.DiscardHandler)
	return m
}

func TestT_MANHOLE_40_Options(t *testing.T) {
	r := reactor.New(reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	checkers := []cred.Checker{cred.InMemory(map[string]string{"alice": "sesame"})}
	dir := t.TempDir()
	for want, o := range map[string]manhole.ServiceOptions{
		"listens nowhere":  {Program: newManhole, Checkers: checkers, HostKeyDir: dir},
		"no program":       {SSH: "tcp:0", Checkers: checkers, HostKeyDir: dir},
		"nobody can log":   {SSH: "tcp:0", Program: newManhole, HostKeyDir: dir},
		"needs a host key": {SSH: "tcp:0", Program: newManhole, Checkers: checkers},
		"no host key":      {SSH: "tcp:0", Program: newManhole, Checkers: checkers, HostKeyDir: "/dev/null/x"},
		"tcp:nowhere":      {Telnet: "tcp:nowhere", Program: newManhole, Checkers: checkers},
		"tcp:never":        {SSH: "tcp:never", Program: newManhole, Checkers: checkers, HostKeyDir: dir},
	} {
		if _, err := manhole.MakeService(r, o); err == nil || !strings.HasPrefix(err.Error(), "manhole: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// A service with both carriers. The host key stays.
func TestT_MANHOLE_41_Service(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := new(reactortest.Log)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	dir := sshtest.ShortDir(t)
	socket := func(name string) string { return filepath.Join(dir, name) }
	options := manhole.ServiceOptions{SSH: "unix:" + socket("ssh"), Telnet: "unix:" + socket("telnet"), Program: newManhole,
		Checkers: []cred.Checker{cred.InMemory(map[string]string{"alice": "sesame"})}, HostKeyDir: filepath.Join(dir, "keys")}
	var hostKeys []string
	for range 2 {
		stop, err := sshtest.Await(t, r, func() deferred.Deferred[func() deferred.Deferred[struct{}]] {
			return deferred.Maybe(func() (func() deferred.Deferred[struct{}], error) {
				all, err := manhole.MakeService(r, options)
				if err != nil {
					return nil, err
				}
				return all.StopService, all.StartService()
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		hostKeys = append(hostKeys, overSSH(t, socket("ssh")))
		overTelnet(t, socket("telnet"))
		if _, err := sshtest.Await(t, r, stop); err != nil {
			t.Error(err)
		}
	}
	if hostKeys[0] != hostKeys[1] {
		t.Error("another host key:", hostKeys)
	}
	if len(log.Take("telnet shows passwords")) != 2 {
		t.Errorf("no warning: %q", log.Records())
	}
}

// overSSH uses a manhole over SSH, and returns the host key.
func overSSH(t *testing.T, socket string) (hostKey string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := gossh.NewClientConn(c, "manhole", &gossh.ClientConfig{User: "alice",
		Auth: []gossh.AuthMethod{gossh.Password("sesame")}, HostKeyCallback: func(_ string, _ net.Addr, key gossh.PublicKey) error {
			hostKey = gossh.FingerprintSHA256(key)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	client := gossh.NewClient(conn, channels, requests)
	defer client.Close()
	s := newShell(t, client)
	if err := errors.Join(s.RequestPty("xterm", 30, 100, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
	s.types("answer\r\x04")
	readUntil(t, s.out, "42\r\n>>> \x1bc")
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	return hostKey
}

// overTelnet uses a manhole over telnet. It refuses all options.
func overTelnet(t *testing.T, socket string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out := &plainTelnet{in: bufio.NewReader(c), out: c}
	readUntil(t, out, "Username: ")
	if _, err := io.WriteString(c, "alice\r\n"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, out, "Password: ")
	if _, err := io.WriteString(c, "sesame\r\n"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, out, ">>> \x1b[4h")
	if _, err := io.WriteString(c, "\xff\xfa\x1f\x00\x64\x00\x20\xff\xf0answer\r\x00\x04"); err != nil { // 100 × 32
		t.Fatal(err)
	}
	if got := readUntil(t, out, "42\r\n>>> \x1bc"); !strings.HasPrefix(got, "\x1b[2J\x1b[H>>> ") {
		t.Errorf("%q", got)
	}
	if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// plainTelnet reads the text of a telnet connection. It refuses all options.
type plainTelnet struct {
	in  *bufio.Reader
	out io.Writer
}

func (p *plainTelnet) Read(b []byte) (int, error) {
	for {
		c, err := p.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if c != 0xff {
			b[0] = c
			return 1, nil
		}
		verb, err1 := p.in.ReadByte()
		option, err2 := p.in.ReadByte()
		if err := errors.Join(err1, err2); err != nil {
			return 0, err
		}
		if answer := map[byte]byte{0xfb: 0xfe, 0xfd: 0xfc}[verb]; answer != 0 {
			if _, err := p.out.Write([]byte{0xff, answer, option}); err != nil {
				return 0, err
			}
		}
	}
}
