//go:build unix

package cftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// batch runs a batch, and returns its output and errors in the order in which
// they were written.
func (f *fixture) batch(stop bool, lines ...string) (string, error) {
	f.t.Helper()
	var all strings.Builder
	f.Out, f.Err, f.Quiet, f.StopAtError = &all, &all, true, stop
	b := Batch{Shell: f.Shell, Lines: strings.NewReader(strings.Join(lines, "\n")), Echo: true, StopAtError: stop}
	err := b.Run(f.t.Context())
	return f.names(all.String()), err
}

// TestC_SCRIPTS_9_Batch: the echo, the prefixes, and where a batch ends.
func TestC_SCRIPTS_9_Batch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stop  bool
		lines string
		want  string
		fails bool
	}{
		{"echo", true, "pwd\n  ls a  \n@pwd\n\n# c", "cftp> pwd\nRemote working directory: HOME\ncftp>   ls a  \na\nRemote working directory: HOME\ncftp> \ncftp> # c\n", false},
		{"stop", true, "mkdir x\nrmdir nope\nmkdir y", "cftp> mkdir x\ncftp> rmdir nope\nremote rmdir \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\n", true},
		{"ignore", true, "-rmdir nope\n-foo\n-get \"a\n-@pwd", "cftp> -rmdir nope\nremote rmdir \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\n" +
			"cftp> -foo\nInvalid command \"foo\"; help lists the commands.\ncftp> -get \"a\nUnterminated quoted argument\nRemote working directory: HOME\n", false},
		{"unknown", true, "foo\nmkdir y", "cftp> foo\nInvalid command \"foo\"; help lists the commands.\n", true},
		{"go on", false, "rmdir nope\nfoo\npwd", "cftp> rmdir nope\nremote rmdir \"HOME/nope\": No such file (SSH_FX_NO_SUCH_FILE 2)\n" +
			"cftp> foo\nInvalid command \"foo\"; help lists the commands.\ncftp> pwd\nRemote working directory: HOME\n", false},
		{"quit", true, "pwd\nquit\nmkdir y", "cftp> pwd\nRemote working directory: HOME\ncftp> quit\n", false},
		{"read fails between reads", true, "ls -1 a\nls nope\nls -1 a\nmkdir y", "cftp> ls -1 a\na\ncftp> ls nope\nCan't ls: \"HOME/nope\" not found\n", true},
		{"read after write", true, "ls -1\nmkdir y\nls -1\nrm a\nls -1\nrename y z\nls -1\nput loc a\ncat a\nget a\n!cat a",
			"cftp> ls -1\na\ncftp> mkdir y\ncftp> ls -1\na\ny\ncftp> rm a\ncftp> ls -1\ny\ncftp> rename y z\ncftp> ls -1\nz\n" +
				"cftp> put loc a\ncftp> cat a\nlocalcftp> get a\ncftp> !cat a\nlocal", false},
		{"cd between reads", true, "mkdir d\nls -1\ncd d\nls -1\npwd\ncd ..\nls -1d\nls -1 d", "cftp> mkdir d\ncftp> ls -1\na\nd\ncftp> cd d\ncftp> ls -1\ncftp> pwd\n" +
			"Remote working directory: HOME/d\ncftp> cd ..\ncftp> ls -1d\nls: Invalid flag -d\n", true},
		{"get after a failure", true, "ls nope\nget a never", "cftp> ls nope\nCan't ls: \"HOME/nope\" not found\n", true},
		{"get many", true, "get a 1\nget a 2\nget nope\nget a 3", "cftp> get a 1\ncftp> get a 2\ncftp> get nope\nFile \"HOME/nope\" not found.\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachPeer(t, func(t *testing.T, f *fixture) {
				makeFiles(t, f.server, "a=aa")
				makeFiles(t, f.dir, "loc=local")
				got, err := f.batch(tt.stop, strings.Split(tt.lines, "\n")...)
				if got != tt.want || (err != nil) != tt.fails {
					t.Errorf("%v, output:\n%swant:\n%s", err, got, tt.want)
				}
				for _, name := range []string{"y", "never", "3"} {
					_, inServer := os.Stat(filepath.Join(f.server, name))
					_, here := os.Stat(filepath.Join(f.dir, name))
					if inServer == nil || here == nil {
						t.Errorf("%s was made", name)
					}
				}
			})
		})
	}
}

// TestBatchSameMachine: a batch that reads back what it has downloaded, because
// the server is this machine, sees the download.
func TestBatchSameMachine(t *testing.T) {
	for _, name := range []string{"the same path", "a link"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, peers["OpenSSH"])
			makeFiles(t, f.server, "a=aa", "b=bbb")
			shared := f.server
			if name == "a link" {
				shared = filepath.Join(t.TempDir(), "link")
				if err := os.Symlink(f.server, shared); err != nil {
					t.Fatal(err)
				}
			}
			got, err := f.batch(true, "lcd "+shared, "ls -1 a b", "get a b", "ls -1", "get a c", "ls -1", "get b d", "get d e", "ls -1 [de]", "lcd "+f.dir, "get e")
			if err != nil || content(t, f.dir, "e") != "aa" {
				t.Errorf("%v, e is %q:\n%s", err, content(t, f.dir, "e"), got)
			}
			if want := "cftp> ls -1\na\nb\ncftp> get a c\ncftp> ls -1\na\nb\nc\ncftp> get b d\ncftp> get d e\ncftp> ls -1 [de]\nd\ne\n"; !strings.Contains(got, want) {
				t.Errorf("output:\n%swant:\n%s", got, want)
			}
		})
	}
}

// TestBatchLines: lines end with LF, CR LF or the end of the file; a line that
// is too long ends the batch.
func TestBatchLines(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	if got, err := f.batch(true, "mkdir a\r\nmkdir b"); err != nil {
		t.Errorf("%v: %s", err, got)
	}
	if got := f.must("ls -1"); got != "" && !strings.Contains(f.Shell.remote, f.server) {
		t.Error(got)
	}
	for _, dir := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(f.server, dir)); err != nil {
			t.Error(err)
		}
	}
	got, err := f.batch(false, strings.Repeat("x", maxLine+1), "mkdir never")
	if err == nil || !strings.HasSuffix(got, "A line of the batch has more than 1048576 bytes\n") {
		t.Errorf("%v, %s", err, got)
	}
}

// TestBatchFromProgram: a program that waits for the output of a command before
// it sends the next one is not kept waiting.
func TestBatchFromProgram(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	in, commands := io.Pipe()
	output, out := io.Pipe()
	f.Out = out
	ended := make(chan error, 1)
	go func() {
		b := Batch{Shell: f.Shell, Lines: in, StopAtError: true}
		ended <- b.Run(t.Context())
	}()
	for range 3 {
		fmt.Fprintln(commands, "pwd")
		line := make([]byte, len("Remote working directory: \n")+len(f.home))
		if _, err := io.ReadFull(output, line); err != nil || string(line) != "Remote working directory: "+f.home+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	commands.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestBatchCancel: the end of the context ends a batch, and the session can be
// used.
func TestBatchCancel(t *testing.T) {
	f := newFixture(t, peers["OpenSSH"])
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	in, commands := io.Pipe()
	defer commands.Close()
	ended := make(chan error, 1)
	go func() {
		b := Batch{Shell: f.Shell, Lines: in}
		ended <- b.Run(ctx)
	}()
	fmt.Fprintln(commands, "ls")
	cancel(stop)
	if err := <-ended; err != stop {
		t.Errorf("ended with %v", err)
	}
	f.must("ls")
}
