//go:build unix

package reactor_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
)

// leaveBehind makes the lock of a dead process and a socket without a listener.
func leaveBehind(t *testing.T, path string, dead int) {
	t.Helper()
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	lockOf(t, path, dead)
}

func lockOf(t *testing.T, path string, pid int) {
	t.Helper()
	if err := os.Symlink(strconv.Itoa(pid), path+".lock"); err != nil {
		t.Fatal(err)
	}
}

func wantGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}

func TestF43_AStaleLockRemovesOnlyAStaleSocket(t *testing.T) {
	n := startNet(t)
	locked := reactor.UNIXOptions{WantLock: true}
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		lockOf(t, path, deadProcess(t))
		if _, err := n.listenUNIX(path, newRecorder(), locked); err == nil {
			t.Error("listens")
		}
		if got, err := os.ReadFile(path); string(got) != "precious" {
			t.Errorf("the file is %q, %v", got, err)
		}
		wantGone(t, path+".lock")
	})
	t.Run("socket in use", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "socket")
		other, err := net.Listen("unix", path) // without a lock
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		lockOf(t, path, deadProcess(t))
		if _, err := n.listenUNIX(path, newRecorder(), locked); err == nil {
			t.Error("listens")
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestF43_R328_ClosingRemovesOnlyItsOwnSocket(t *testing.T) {
	n := startNet(t)
	path := filepath.Join(t.TempDir(), "socket")
	port, err := n.listenUNIX(path, newRecorder(), reactor.UNIXOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantErr(t, n.stopped(port), nil)
	if got, err := os.ReadFile(path); string(got) != "precious" {
		t.Errorf("the file is %q, %v", got, err)
	}
}

// A client that checks a stale lock leaves it to the next listener, which
// learns from it that the socket is stale.
func TestF43_R331_ACheckLeavesAStaleLock(t *testing.T) {
	n := startNet(t)
	path := filepath.Join(t.TempDir(), "socket")
	leaveBehind(t, path, deadProcess(t))
	f := newFactory()
	n.connectUNIX(path, f, reactor.UNIXDialOptions{CheckLock: true})
	wantErr(t, within(t, f.failed), reactor.ErrBadFile)
	port, err := n.listenUNIX(path, newRecorder(), reactor.UNIXOptions{WantLock: true})
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, n.stopped(port), nil)
	wantGone(t, path)
	wantGone(t, path+".lock")
}

// The test runs itself several times: of all processes that find a stale lock
// at the same time, one gets the port.
func TestF43_R329_OneOfSeveralProcessesBreaksAStaleLock(t *testing.T) {
	if path := os.Getenv("HAWSER_TEST_STALE_LOCK"); path != "" {
		contend(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "socket")
	dead := deadProcess(t)
	contenders := make([]*contender, 4)
	for i := range contenders {
		contenders[i] = startContender(t, path)
	}
	ask := func(what string) (answers []string) {
		for _, c := range contenders {
			fmt.Fprintln(c.in, what)
		}
		for _, c := range contenders {
			answers = append(answers, c.answer(t))
		}
		return answers
	}
	for round := range 100 {
		leaveBehind(t, path, dead)
		if answers := ask("listen"); strings.Count(strings.Join(answers, " "), "listening") != 1 {
			t.Fatalf("round %d: %q", round, answers)
		}
		ask("stop")
		wantGone(t, path)
		wantGone(t, path+".lock")
	}
}

// contender is another process of this test.
type contender struct {
	in  io.Writer
	out *bufio.Scanner
}

func startContender(t *testing.T, path string) *contender {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestF43_R329_OneOfSeveralProcessesBreaksAStaleLock$")
	cmd.Env = append(os.Environ(), "HAWSER_TEST_STALE_LOCK="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // ends the process, whose input is over
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &contender{in, bufio.NewScanner(out)}
}

func (c *contender) answer(t *testing.T) string {
	t.Helper()
	for c.out.Scan() {
		if answer, ok := strings.CutPrefix(c.out.Text(), "answer: "); ok {
			return answer
		}
	}
	t.Fatal("the process has ended")
	return ""
}

// contend does what the test that started this process says.
func contend(t *testing.T, path string) {
	n := startNet(t)
	var port reactor.ListeningPort
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer := "listening"
		switch lines.Text() {
		case "listen":
			var err error
			if port, err = n.listenUNIX(path, newRecorder(), reactor.UNIXOptions{WantLock: true}); err != nil {
				port, answer = nil, err.Error()
			}
		case "stop":
			if port != nil {
				wantErr(t, n.stopped(port), nil)
			}
		}
		fmt.Println("answer: " + answer)
	}
}
