package remote_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/cmd/internal/remote"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// TestC_SCRIPTS_20_Help: the help has all options and fits a screen.
func TestC_SCRIPTS_20_Help(t *testing.T) {
	if r := run(t, "", "-h"); r.status != 0 || r.out != remote.Help || r.err != "" {
		t.Errorf("%+v", r)
	}
	if r := run(t, ""); r.status != 255 || r.err != remote.Help || r.out != "" {
		t.Errorf("%+v", r)
	}
	if r := run(t, "", "-V"); r.status != 0 || !strings.HasPrefix(r.err, "conch of hawser ") {
		t.Errorf("%+v", r)
	}
	lines := strings.Split(remote.Help, "\n") // the last is for the prompt
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 79 {
			t.Errorf("too wide: %s", line)
		}
	}
	for _, name := range remote.Names() {
		if !strings.Contains(remote.Help, name) {
			t.Errorf("the help has no %s", name)
		}
	}
}

// TestC_CLIENT_53: wrong command lines are refused with a reason and status 255.
// ssh would ignore the command after -N and -W.
func TestC_CLIENT_53(t *testing.T) {
	for line, reason := range map[string]string{
		"-N h command": "-N", "-W h:1 h command": "-W", "-W h h": "host:port", "-W :1 h": "host:port", "-W h:0 h": "host:port", "-W= h": "host:port",
		"-s -N h x": "together", "-s h": "subsystem", "-t -W h:1 h": "together", "-M h": "-M of ssh is not supported", "-X h": "-X of ssh",
		"-w 1 h": "-w of ssh", "--nonsense h": "unknown", "-f h": "background", "-e ab h": "escape", "-p x h": "port", "-L 1 h": "forwarding",
		"-o Tunnel=yes h": "Tunnel", "-o PermitRemoteOpen=none h": "PermitRemoteOpen", "-o RemoteCommand=%Y h": "RemoteCommand", "-o PermitLocalCommand=yes -o LocalCommand=%Y h": "LocalCommand",
		"-E /none/none h": "log file", "-l": "value",
	} {
		r := run(t, "", append([]string{"-F", "none"}, strings.Fields(line)...)...)
		if r.status != 255 || r.out != "" || !strings.Contains(r.err, reason) || !strings.HasPrefix(r.err, "conch: ") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: %+v, want %q", line, r, reason)
		}
	}
}

// TestC_SCRIPTS_20_Output: large output is neither lost nor reordered, and the
// streams are separate, also with a slow reader.
func TestC_SCRIPTS_20_Output(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	const lines = 200_000
	var want bytes.Buffer
	for i := 1; i <= lines; i++ {
		fmt.Fprintln(&want, i)
	}
	r := run(t, want.String(), append(login(s), "127.0.0.1", "tee /dev/stderr")...)
	if r.status != 0 || r.out != want.String() || r.err != want.String() {
		t.Errorf("status %d, %d and %d bytes, want %d", r.status, len(r.out), len(r.err), want.Len())
	}
}

// TestC_SCRIPTS_20_ClosedOutput: a reader that goes ends the remote command.
func TestC_SCRIPTS_20_ClosedOutput(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	other := conchtest.NewServer(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		for {
			if _, err := ch.Write([]byte("y\n")); err != nil {
				return 1
			}
		}
	}})
	_, port := other.HostPort()
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(other.Addr, other.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"OpenSSH": append(login(s), "127.0.0.1", "yes"),
		"another": {"-F", "none", "-p", fmt.Sprint(port), "-l", other.User, "-o", "UserKnownHostsFile=" + known, "-o", "GlobalKnownHostsFile=none", "127.0.0.1", "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			in, feed := pipe(t)
			defer feed.Close()
			from, to := pipe(t)
			errs, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer errs.Close()
			go func() { // ends with the first bytes
				_, _ = io.ReadFull(from, make([]byte, 4))
				from.Close()
			}()
			c := &remote.Command{Stdin: in, Stdout: to, Stderr: errs, UI: answering(other.Password)}
			if status := c.Run(args); status == 0 {
				t.Errorf("status %d", status)
			}
		})
	}
}

// TestC_SCRIPTS_20_Environment: SendEnv and SetEnv.
func TestC_SCRIPTS_20_Environment(t *testing.T) {
	s := conchtest.NewOpenSSH(t, "AcceptEnv HAWSER_*")
	t.Setenv("HAWSER_A", "a b")
	t.Setenv("HAWSER_B", "b")
	t.Setenv("OTHER", "c")
	r := run(t, "", append(login(s), "-o", "SendEnv=HAWSER_? OTHER", "-o", "SetEnv=HAWSER_LONG_NAME=x", "127.0.0.1", "env")...)
	for _, line := range []string{"HAWSER_A=a b\n", "HAWSER_B=b\n", "HAWSER_LONG_NAME=x\n"} {
		if !strings.Contains(r.out, line) {
			t.Errorf("no %q in %q", line, r.out)
		}
	}
	if r.status != 0 || strings.Contains(r.out, "OTHER") {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_20_Streams: closed and regular files as standard streams.
func TestC_SCRIPTS_20_Streams(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	dir := t.TempDir()
	in, out, errs := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "err")
	if err := os.WriteFile(in, bytes.Repeat([]byte("input\n"), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(name string, flags int) *os.File {
		f, err := os.OpenFile(name, flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	c := &remote.Command{Stdin: open(in, os.O_RDONLY), Stdout: open(out, os.O_CREATE|os.O_WRONLY), Stderr: open(errs, os.O_CREATE|os.O_WRONLY)}
	if status := c.Run(append(login(s), "127.0.0.1", "cat; echo done >&2")); status != 0 {
		t.Errorf("status %d", status)
	}
	got, err := os.ReadFile(out)
	message, merr := os.ReadFile(errs)
	if err != nil || merr != nil || !bytes.Equal(got, bytes.Repeat([]byte("input\n"), 50_000)) || string(message) != "done\n" {
		t.Errorf("%v, %v, %d bytes, %q", err, merr, len(got), message)
	}
	closed := open(in, os.O_RDONLY)
	closed.Close()
	c = &remote.Command{Stdin: closed, Stdout: closed, Stderr: closed}
	if status := c.Run(append(login(s), "127.0.0.1", "cat; exit 3")); status != 3 {
		t.Errorf("closed streams: status %d", status)
	}
}

// TestC_SCRIPTS_20_Messages: -v shows the steps, -E sends them to a file, and a
// missing identity is a warning.
func TestC_SCRIPTS_20_Messages(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	file := filepath.Join(t.TempDir(), "log")
	r := run(t, "", append(login(s), "-v", "-E", file, "-i", "/none/none", "127.0.0.1", "echo", "a", "b")...)
	text, err := os.ReadFile(file)
	if err != nil || r.status != 0 || r.out != "a b\n" || r.err != "" || !strings.Contains(string(text), "Authentication succeeded") ||
		!strings.Contains(string(text), "warning: identity file") {
		t.Errorf("%v, %+v, %s", err, r, text)
	}
	if r := run(t, "", append(login(s), "--logfile", "-", "-i", "/none/none", "127.0.0.1", "echo")...); !strings.HasPrefix(r.out, "conch: warning: ") {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_20_Jump: through a jump host, which is the same server.
func TestC_SCRIPTS_20_Jump(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("Host *\n Port %s\n User %s\n IdentityFile %s\n IdentityAgent none\n UserKnownHostsFile %s\n GlobalKnownHostsFile none\n BatchMode yes\nHost inner gate\n HostName 127.0.0.1\n",
		portOf(s), s.User, s.ClientKey, s.KnownHosts)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", "-F", config, "-J", "gate", "localhost", "-o", "HostKeyAlias=127.0.0.1", "-o", "StrictHostKeyChecking=accept-new",
		"-o", "UserKnownHostsFile=/dev/null", "echo", "inside"); r.status != 0 || r.out != "inside\n" {
		t.Errorf("%+v", r)
	}
	if r := run(t, "", "-F", config, "-J", "nobody@gate", "inner"); r.status != 255 || !strings.Contains(r.err, "jump host 127.0.0.1: nobody@127.0.0.1: Permission denied") {
		t.Errorf("%+v", r)
	}
}

// hold runs conch with a command that ends when release is called.
func hold(t *testing.T, s *conchtest.OpenSSH, args ...string) (release func() result) {
	t.Helper()
	in, feed := io.Pipe()
	started, announce := io.Pipe()
	done := make(chan result, 1)
	go func() { // ends with release
		c := &remote.Command{}
		done <- runWithOutput(t, c, in, announce, append(login(s), append(args, "127.0.0.1", "echo ready; cat")...)...)
	}()
	if line, err := io.ReadAll(io.LimitReader(started, 6)); err != nil || string(line) != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, started) }() // ends with the command
	return func() result {
		feed.Close()
		return <-done
	}
}

// TestC_SCRIPTS_23: forwardings in both directions, over TCP and sockets, and
// proxies.
func TestC_SCRIPTS_23(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	dir := shortDir(t)
	tcp, unix := echoServer(t, "tcp", "127.0.0.1:0"), echoServer(t, "unix", filepath.Join(dir, "echo"))
	free := make([]string, 4)
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, free[i], _ = net.SplitHostPort(l.Addr().String())
		l.Close()
	}
	local, remoteSocket := filepath.Join(dir, "l"), filepath.Join(dir, "r")
	release := hold(t, s,
		"-L", free[0]+":"+tcp, "-R", "127.0.0.1:"+free[1]+":"+tcp, "-L", local+":"+unix, "-R", remoteSocket+":"+tcp,
		"-D", "127.0.0.1:"+free[2], "-R", free[3], "-o", "ExitOnForwardFailure=yes")
	for _, to := range [][2]string{{"tcp", "127.0.0.1:" + free[0]}, {"tcp", "127.0.0.1:" + free[1]}, {"unix", local}, {"unix", remoteSocket}} {
		c, err := net.Dial(to[0], to[1])
		if err != nil {
			t.Errorf("%s: %v", to[1], err)
			continue
		}
		echoes(t, c)
	}
	for _, port := range []string{free[2], free[3]} {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Errorf("proxy: %v", err)
			continue
		}
		_, echoPort, _ := net.SplitHostPort(tcp)
		number, _ := net.LookupPort("tcp", echoPort)
		request := []byte{5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, byte(number >> 8), byte(number)}
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		echoes(t, c)
	}
	if r := release(); r.status != 0 || r.err != "" {
		t.Errorf("%+v", r)
	}
}

// echoes sends data through c, and closes it.
func echoes(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	sent := bytes.Repeat([]byte("data"), 100)
	if _, err := c.Write(sent); err != nil {
		t.Error(err)
	}
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestC_SCRIPTS_23_Addresses: where a forwarding listens, and what it connects
// to.
func TestC_SCRIPTS_23_Addresses(t *testing.T) {
	for _, row := range [][]string{
		{"-L", "80:h:81", "-L localhost:80 to h:81"},
		{"-L", ":80:h:81", "-L :80 to h:81"},
		{"-L", "*:80:h:81", "-L :80 to h:81"},
		{"-L", "[::1]:80:[::2]:81", "-L [::1]:80 to [::2]:81"},
		{"-L", "1.2.3.4:80:/s", "-L 1.2.3.4:80 to /s"},
		{"-L", "/a:h:81", "-L /a to h:81"},
		{"-L", "/a:/b", "-L /a to /b"},
		{"-R", "80:h:81", "-R localhost:80 to h:81"},
		{"-R", "0:h:81", "-R localhost:0 to h:81"},
		{"-R", "*:80:h:81", "-R :80 to h:81"},
		{"-R", "80", "-R localhost:80 to a proxy"},
		{"-R", "h:80", "-R h:80 to a proxy"},
		{"-R", "[::1]:80", "-R [::1]:80 to a proxy"},
		{"-R", "/a:/b", "-R /a to /b"},
		{"-R", "80:/b", "-R localhost:80 to /b"},
		{"-D", "80", "-D localhost:80"},
		{"-D", "*:80", "-D :80"},
		{"-g -L", "80:h:81", "-L :80 to h:81"},
		{"-g -R", "80:h:81", "-R localhost:80 to h:81"},
		{"-g -D", "80", "-D :80"},
		{"-L", "1:h:2 -L 3:h:4 -D 5", "-L localhost:1 to h:2, -L localhost:3 to h:4, -D localhost:5"},
		{"-o", "ClearAllForwardings=yes -L 1:h:2", ""},
	} {
		args := append([]string{"-F", "none"}, strings.Fields(row[0]+" "+row[1])...)
		if got, err := remote.Forwards(append(args, "host")); err != nil || got != row[2] {
			t.Errorf("%s: %s, %v, want %s", row[:2], got, err, row[2])
		}
	}
}

// TestC_SCRIPTS_22_KeepAlive: a server that does not answer loses the
// connection; one that refuses keeps it.
func TestC_SCRIPTS_22_KeepAlive(t *testing.T) {
	for _, answers := range []bool{false, true} {
		asked := make(chan bool, 100)
		s := conchtest.NewServer(t, conchtest.Options{
			Global: func(_ gossh.Conn, req *gossh.Request) bool {
				asked <- req.Type == "keepalive@openssh.com" && req.WantReply
				if answers {
					_ = req.Reply(false, nil)
				}
				return true
			},
			Exec: func(_ string, ch gossh.Channel) uint32 {
				if !answers {
					_, _ = ch.Read(make([]byte, 1)) // until the end
					return 0
				}
				for range 3 {
					if !<-asked {
						return 2
					}
				}
				return 9
			},
		})
		c := &remote.Command{UI: answering(s.Password)}
		within := time.Millisecond
		if answers {
			within = time.Hour
		}
		remote.SetTimes(c, time.Millisecond, within, 0)
		r := runWith(t, c, neverEnding(t), embedded(t, s, "127.0.0.1", "run")...)
		if answers && r.status != 9 {
			t.Errorf("%+v", r)
		}
		if !answers && (r.status != 255 || !strings.Contains(r.err, "Timeout, server 127.0.0.1 not responding.")) {
			t.Errorf("%+v", r)
		}
	}
}

// TestC_SCRIPTS_22_Reconnect: with -r a lost connection is made again, and the
// command runs again.
func TestC_SCRIPTS_22_Reconnect(t *testing.T) {
	var s *conchtest.Server
	runs := 0
	s = conchtest.NewServer(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		if runs++; runs < 3 {
			go s.CloseConnections()
			_, _ = ch.Read(make([]byte, 1)) // until the end
			return 1
		}
		return 7
	}})
	c := &remote.Command{UI: answering(s.Password)}
	remote.SetTimes(c, 0, 0, time.Nanosecond)
	r := runWith(t, c, neverEnding(t), embedded(t, s, "-r", "127.0.0.1", "run")...)
	if r.status != 7 || runs != 3 || strings.Count(r.err, "connecting again") != 2 {
		t.Errorf("%+v, %d runs", r, runs)
	}
	runs = 2
	if r := runWith(t, &remote.Command{UI: answering(s.Password)}, neverEnding(t), embedded(t, s, "127.0.0.1", "run")...); r.status != 7 {
		t.Errorf("%+v", r)
	}
	runs = 0
	if r := runWith(t, &remote.Command{UI: answering(s.Password)}, neverEnding(t), embedded(t, s, "127.0.0.1", "run")...); r.status != 255 ||
		!strings.Contains(r.err, "Connection to 127.0.0.1 closed by remote host") {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_22_Interrupted: Ctrl-C at the question for the password.
func TestC_SCRIPTS_22_Interrupted(t *testing.T) {
	s := conchtest.NewServer(t, conchtest.Options{})
	r := runWith(t, &remote.Command{UI: answering("")}, strings.NewReader(""), embedded(t, s, "127.0.0.1", "run")...)
	if r.status != 130 || r.err != "" {
		t.Errorf("%+v", r)
	}
}

// TestC_SCRIPTS_21: the sequences at line starts, in all splits of the input.
func TestC_SCRIPTS_21(t *testing.T) {
	for input, want := range map[string]string{
		"text": "text", "~.": "[.]", "a~.": "a~.", "a\r~.b": "a\r[.]b", "a\n~?~#": "a\n[?][#]", "~~": "~", "~~.": "~.", "~x": "~x",
		"~x~.": "~x~.", "~\r~.": "~\r[.]", "~~\r~~~.": "~\r~~.", "~": "", "\r~\x1a\r~B": "\r[\x1a]\r[B]", "~é": "~é", "~é~.": "~é~.",
	} {
		for split := range len(input) + 1 {
			if got := remote.Escapes('~', "?.#B\x1a", input[:split], input[split:]); got != want {
				t.Errorf("%q, %q: %q, want %q", input[:split], input[split:], got, want)
			}
		}
	}
	if got := remote.Escapes(3, ".", "\x03.~."); got != "[.]~." {
		t.Errorf("^C: %q", got)
	}
	for value, want := range map[string]int{"": '~', "none": -1, "None": -1, "x": 'x', "^C": 3, "^[": 27, "ab": 0, "^": '^'} {
		if got, err := remote.EscapeCharacter(value); got != want || (err != nil) != (value == "ab") {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
}

// Any input comes out again, except for sequences.
func FuzzEscapes(f *testing.F) {
	f.Add("a\r~.~~\n~x", 3)
	f.Fuzz(func(t *testing.T, input string, split int) {
		split = min(max(split, 0), len(input))
		got := remote.Escapes('~', "", input[:split], input[split:])
		if whole := remote.Escapes('~', "", input); got != whole || len(got) > len(input) {
			t.Errorf("%q: %q, in two parts %q", input, whole, got)
		}
		if !strings.Contains(input, "~") && got != input {
			t.Errorf("%q: %q", input, got)
		}
	})
}

// embedded returns a command line for an embedded server.
func embedded(t *testing.T, s *conchtest.Server, args ...string) []string {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port := s.HostPort()
	return slices.Concat([]string{"-F", "none", "-p", fmt.Sprint(port), "-l", s.User, "-o", "UserKnownHostsFile=" + known, "-o", "GlobalKnownHostsFile=none", "-o", "PreferredAuthentications=password"}, args)
}

// Any value of -L, -R, -D and -W is read without a panic.
func FuzzForwards(f *testing.F) {
	f.Add("-L", "[::1]:80:h:81")
	f.Add("-R", "/a\\:b:c")
	f.Fuzz(func(t *testing.T, option, value string) {
		if !slices.Contains([]string{"-L", "-R", "-D", "-W"}, option) {
			return
		}
		if got, err := remote.Forwards([]string{"-F", "none", option, value, "host"}); err == nil && got == "" && option != "-W" {
			t.Errorf("%s %q: no forwarding", option, value)
		}
	})
}

// -V and -h need no host, and -- ends the options.
func TestC_CLIENT_53_Operands(t *testing.T) {
	if r := run(t, "", "-F", "none", "--", "-bad"); r.status != 255 || !strings.Contains(r.err, "names no host") {
		t.Errorf("%+v", r)
	}
}
