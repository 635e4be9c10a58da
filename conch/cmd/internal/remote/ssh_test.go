package remote_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
)

// commandLines are run by conch and by ssh, with input. Spaces divide words, and
// a tab is a space within a word.
var commandLines = []struct {
	line, input string
}{
	{"127.0.0.1 echo hello", ""},
	{"127.0.0.1 exit 3", ""},
	{"127.0.0.1 exit 255", ""},
	{"127.0.0.1 false", ""},
	{"127.0.0.1 kill -9 $$", ""},
	{"127.0.0.1 no-such-command", ""},
	{"127.0.0.1 echo out; echo err >&2; exit 1", ""},
	{"127.0.0.1 cat", "some\ninput"},
	{"127.0.0.1 cat; echo end", ""},
	{"-n 127.0.0.1 cat; echo end", "not read"},
	{"127.0.0.1 head -c 5", "more than five bytes"},
	{"127.0.0.1 seq 1 200000", ""},
	{"127.0.0.1", "echo from the shell; exit 7\n"},
	{"-T 127.0.0.1", "echo $0; exit 7\n"},
	{"-o LogLevel=ERROR 127.0.0.1", "exit 7\n"},
	{"-o LogLevel=ERROR -tt 127.0.0.1 exit 7", ""},
	{"-o LogLevel=ERROR 127.0.0.1 -p 1", ""},
	{"-T 127.0.0.1", "kill -TERM $$\n"},
	{"-t 127.0.0.1 tty; exit 4", ""},
	{"-tt 127.0.0.1 test -t 0 && exit 5", ""},
	{"127.0.0.1 test -t 0 || exit 6", ""},
	{"-T -t 127.0.0.1 test -t 0", ""},
	{"127.0.0.1 -o SetEnv=A=b -- echo hello", ""},
	{"-o RemoteCommand=echo\tconfigured\t%h 127.0.0.1", ""},
	{"-o RemoteCommand=x 127.0.0.1 y", ""},
	{"-s 127.0.0.1 nothing", ""},
	{"-s 127.0.0.1", ""},
	{"-W {echo} 127.0.0.1", "through the server"},
	{"-W 127.0.0.1:1 127.0.0.1", ""},
	{"-W nonsense 127.0.0.1", ""},
	{"-o ExitOnForwardFailure=yes -L 127.0.0.1:{busy}:h:1 127.0.0.1 echo not reached", ""},
	{"-L 127.0.0.1:{busy}:h:1 127.0.0.1 echo reached", ""},
	{"-R 127.0.0.1:{busy}:h:1 127.0.0.1 echo reached", ""},
	{"-o ExitOnForwardFailure=yes -R 127.0.0.1:{busy}:h:1 127.0.0.1 echo not reached", ""},
	{"-o ClearAllForwardings=yes -o ExitOnForwardFailure=yes -L 127.0.0.1:{busy}:h:1 127.0.0.1 echo reached", ""},
	{"-o UserKnownHostsFile=/dev/null 127.0.0.1 echo", ""},
	{"--bad-option", ""}, {"-e ab 127.0.0.1 echo", ""}, {"-L x 127.0.0.1 echo", ""}, {"-D x:y:z 127.0.0.1 echo", ""}, {"-p 0 127.0.0.1 echo", ""},
	{"-q -p 1 127.0.0.1 echo", ""},
	{"-p 1 127.0.0.1 echo", ""},
	{"nowhere.invalid echo", ""},
	{"-q nowhere.invalid echo", ""},
	{"-o PermitLocalCommand=yes -o LocalCommand=echo\tlocal\t%h 127.0.0.1 echo there", ""},
	{"", ""},
}

// TestC_SCRIPTS_20_AsSSH: stdout and the exit status are those of ssh, and there
// are messages if ssh has some. The short form runs each second line.
func TestC_SCRIPTS_20_AsSSH(t *testing.T) {
	s := conchtest.NewOpenSSH(t, "AcceptEnv A")
	echo := echoServer(t, "tcp", "127.0.0.1:0")
	_, busy, err := net.SplitHostPort(echo)
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer("{echo}", echo, "{busy}", busy)
	for i, row := range commandLines {
		if i%2 != 0 && os.Getenv("HAWSER_LONG") == "" {
			continue
		}
		t.Run(row.line, func(t *testing.T) {
			args := append([]string(nil), login(s)...)
			if strings.Contains(row.line, "-p ") { // the first one counts
				args = append(args[:2:2], args[4:]...)
			}
			if strings.Contains(row.line, "UserKnownHostsFile") {
				args = append(args[:2:2], "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=none", "-o", "BatchMode=yes", "-p", portOf(s))
			}
			for word := range strings.SplitSeq(replace.Replace(row.line), " ") {
				if word != "" {
					args = append(args, strings.ReplaceAll(word, "\t", " "))
				}
			}
			theirs, ours := runSSH(t, row.input, args...), run(t, row.input, args...)
			if ours.status != theirs.status || ours.out != theirs.out {
				t.Errorf("%q: status %d, %.200q; ssh: %d, %.200q", args, ours.status, ours.out, theirs.status, theirs.out)
			}
			if (ours.err == "") != (theirs.err == "") {
				t.Errorf("%q: stderr is %q; of ssh: %q", args, ours.err, theirs.err)
			}
			t.Logf("%q; ssh: %q", ours.err, theirs.err)
		})
	}
}

// TestC_SCRIPTS_20_Banner: the server's banner goes to standard error, also
// with -E, and not with -q or LogLevel=ERROR, as with ssh.
func TestC_SCRIPTS_20_Banner(t *testing.T) {
	dir := t.TempDir()
	banner := filepath.Join(dir, "banner")
	if err := os.WriteFile(banner, []byte("For staff only.\n\nGo away.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewOpenSSH(t, "Banner "+banner)
	for _, options := range [][]string{nil, {"-q"}, {"-o", "LogLevel=ERROR"}, {"-E", filepath.Join(dir, "log")}} {
		args := append(append(login(s), options...), "127.0.0.1", "echo hello")
		theirs, ours := runSSH(t, "", args...), run(t, "", args...)
		if ours != (result{0, "hello\n", strings.ReplaceAll(theirs.err, "\r\n", "\n")}) {
			t.Errorf("%q: %+v, ssh: %+v", options, ours, theirs)
		}
	}
}

// TestC_SCRIPTS_23_FreePort: the message about the port that the server has
// chosen names the destination, also of a proxy.
func TestC_SCRIPTS_23_FreePort(t *testing.T) {
	s := conchtest.NewOpenSSH(t)
	for value, want := range map[string]string{"0:h:81": "h:81", "0": "a proxy"} {
		r := run(t, "", append(login(s), "-R", value, "127.0.0.1", "true")...)
		chosen := regexp.MustCompile(`^conch: Allocated port \d+ for remote forward to (.*)\n$`).FindStringSubmatch(r.err)
		if r.status != 0 || len(chosen) == 0 || chosen[1] != want {
			t.Errorf("-R %s: %+v, want %q", value, r, want)
		}
	}
}

func portOf(s *conchtest.OpenSSH) string {
	_, port := s.HostPort()
	return strconv.Itoa(port)
}

// echoServer listens until the test ends, and sends back what it receives.
func echoServer(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with l
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				p := make([]byte, 1024)
				for {
					n, err := c.Read(p)
					if _, werr := c.Write(p[:n]); err != nil || werr != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
