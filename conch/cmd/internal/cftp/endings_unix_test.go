//go:build unix

package cftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/sftp"
)

// TestCancelledTransfer: the end of the context stops a transfer and not the
// session. What is there is continued.
func TestCancelledTransfer(t *testing.T) {
	forEachPeer(t, func(t *testing.T, f *fixture) {
		big := strings.Repeat("0123456789abcdef", 4<<20/16*6)
		makeFiles(t, f.server, "big="+big)
		makeFiles(t, f.dir, "up="+big)
		f.Quiet = true
		for _, tt := range []struct{ stopped, again, target string }{
			{"get big", "reget big", filepath.Join(f.dir, "big")},
			{"put up", "reput up", filepath.Join(f.server, "up")},
		} {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("stop")
			f.Progress = func(sftp.Progress) { cancel(stop) }
			f.out.Reset()
			f.err.Reset()
			err := f.Run(ctx, tt.stopped)
			f.Progress = nil
			if !errors.Is(err, stop) && err != nil || f.err.Len() > 0 {
				t.Errorf("%s: %v, %s", tt.stopped, err, f.err)
			}
			if err == nil {
				t.Logf("%s was faster than its progress", tt.stopped)
			}
			if have := content(t, tt.target); have != "(none)" && !strings.HasPrefix(big, have) {
				t.Errorf("%s has left %d bytes that are not the beginning", tt.stopped, len(have))
			}
			f.must("pwd", tt.again)
			if content(t, tt.target) != big {
				t.Errorf("%s: other content", tt.again)
			}
		}
	})
}

// TestCancelled: every command ends with its context, prints nothing, and the
// session goes on.
func TestCancelled(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	makeFiles(t, f.server, "a=1", "b=2", "d/e=3")
	makeFiles(t, f.dir, "c=1", "cc=2")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	for _, line := range []string{"ls", "ls *", "cd d", "get a", "get *", "get -r d", "put c", "put c*", "rm *", "rm a", "mkdir x", "rename a z", "chmod 600 *",
		"df", "cat a", "reget a", "ln x a", "lls", "!sleep 100"} {
		f.out.Reset()
		f.err.Reset()
		if err := f.Run(ctx, line); !errors.Is(err, stop) || f.err.Len() > 0 {
			t.Errorf("%s: %v, %q, %q", line, err, f.out, f.err)
		}
	}
	if got := f.must("ls -1"); got != "a\nb\nd\n" {
		t.Error(got)
	}
}

// TestLostSession: a session that has ended fails a batch, whatever follows,
// with the exit status 255.
func TestLostSession(t *testing.T) {
	for _, line := range []string{"ls", "mkdir x", "get a", "put c", "rm *", "-mkdir x"} {
		t.Run(line, func(t *testing.T) {
			f := newFixture(t, peers["OpenSSH"])
			makeFiles(t, f.dir, "c=1")
			in, commands := io.Pipe()
			ended := make(chan error, 1)
			go func() {
				ended <- (&Batch{Shell: f.Shell, Lines: in}).Run(t.Context())
				in.Close() // the batch may have ended before the last line
			}()
			fmt.Fprintln(commands, "mkdir first")
			fmt.Fprintln(commands, "rmdir first")
			f.files.Client().Reactor().CallFromThread(f.files.Client().LoseConnection)
			fmt.Fprintln(commands, line)
			if err := <-ended; statusOf(err) != StatusLost {
				t.Errorf("%v", err)
			}
			commands.Close()
		})
	}
}

// TestForeignNames: names of the server cannot control the terminal, and lead
// nowhere.
func TestForeignNames(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	evil := "x\x1b[2J\n\u202ey\xff"
	makeFiles(t, f.server, evil+"=1")
	printed := ""
	for _, line := range []string{"ls", "ls -1", "ls -l", "ls *", "ls -la", "get *", "rm -x", "chmod 600 x*", "get x* nodir/a", "rename x?* y", "ls nope" + "\x1b[2J", "cd x*", "rm x*", "put \x1b]0;x\a"} {
		out, errs, _ := f.do(line)
		printed += out + errs
	}
	for _, bad := range []string{"\x1b", "\u202e", "\xff", "\a"} {
		if strings.Contains(printed, bad) {
			t.Errorf("%q was printed", bad)
		}
	}
	if !strings.Contains(printed, `x\x1b[2J\n\u202ey\xff`) {
		t.Errorf("the name was not shown:\n%s", printed)
	}
	if got := content(t, f.dir, evil); got != "1" {
		t.Errorf("got %q", got)
	}
	if start, names := f.Complete(t.Context(), "get x", 5); len(names) > 0 {
		t.Errorf("completes %d %q", start, names)
	}
}

// TestLocalProgramOutput: without a terminal, local programs have no input, and
// their output is that of the shell.
func TestLocalProgramOutput(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	out, errs, err := f.do("!cat; echo out; echo err >&2; pwd")
	if out != "out\nLOCAL\n" || errs != "err\n" || err != nil {
		t.Errorf("%q, %q, %v", out, errs, err)
	}
	var dir, line string
	f.System = func(_ context.Context, d, l string) error { dir, line = d, l; return nil }
	f.must("lcd /", `!ls  "a b"`)
	if dir != "/" || line != `ls  "a b"` {
		t.Errorf("%q, %q", dir, line)
	}
}

// TestScaled: sizes as OpenSSH prints them.
func TestScaled(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 1023: "1023B", 1024: "1.0K", 1536: "1.5K", 10 << 10: "10.0K", 99 << 10: "99.0K", 100 << 10: "100K", 1023 << 10: "1023K",
		1<<20 - 1: "1024K", 1 << 20: "1.0M", 40<<30 + 1<<29: "40.5G", 5 << 40: "5.0T", 7 << 50: "7.0P", 2 << 60: "2.0E",
	} {
		if got := scaled(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := percent(3, 0); got != 0 {
		t.Error(got)
	}
}
