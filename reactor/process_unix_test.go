//go:build unix

package reactor_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// checkChildren makes the test fail if a child is left at its end, as a zombie
// too, or more descriptors are open than now.
func checkChildren(t *testing.T) {
	t.Helper()
	if r, w, err := os.Pipe(); err == nil { // the runtime's poller opens files of its own now, not later
		r.Close()
		w.Close()
	}
	before := len(openFiles(t))
	t.Cleanup(func() {
		var left error
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			if left = childLeft(); left == nil && len(openFiles(t)) <= before {
				return
			}
		}
		t.Errorf("left: %v; open files: %d, before %d", left, len(openFiles(t)), before)
	})
}

func openFiles(t *testing.T) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func (t *netTest) shell(p reactor.ProcessProtocol, script string, opts reactor.ProcessOptions) reactor.ProcessTransport {
	t.Helper()
	return t.start(p, "/bin/sh", []string{"sh", "-c", script}, opts)
}

func TestR474_Credential(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	opts := reactor.ProcessOptions{Credential: &reactor.ProcessCredential{UID: 12345, GID: 12346, Groups: []uint32{12347}}}
	if os.Geteuid() != 0 {
		n.do(func() {
			_, err := n.r.SpawnProcess(p, "/bin/sh", []string{"sh", "-c", "id"}, opts)
			wantErr(t, err, syscall.EPERM)
		})
		return
	}
	n.shell(p, "id -u; id -g; id -G", opts)
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if got := strings.Fields(p.got(1)); strings.Join(got, " ") != "12345 12346 12346 12347" {
		t.Errorf("the child is %v", got)
	}
}

func TestR475_Scripts(t *testing.T) {
	n := startProcesses(t)
	script := filepath.Join(t.TempDir(), "script")
	wantErr(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$0 $1\"\n"), 0o755), nil)
	p := newProcessRecorder()
	n.start(p, script, []string{"ignored", "argument"}, reactor.ProcessOptions{})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if want := script + " argument\n"; p.got(1) != want {
		t.Errorf("got %q, want %q", p.got(1), want)
	}
	p = newProcessRecorder()
	n.start(p, "echo", []string{"echo", "found in PATH"}, reactor.ProcessOptions{})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(1) != "found in PATH\n" {
		t.Errorf("got %q", p.got(1))
	}
}

func TestR476_ChildFDs(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.spawn(p, "copy 3 7", reactor.ProcessOptions{ChildFDs: map[int]reactor.ChildFD{
		3: reactor.ParentWrites, 7: reactor.ParentReads,
	}})
	n.do(func() {
		wantErr(t, proc.WriteToChild(3, []byte("through")), nil)
		wantErr(t, proc.CloseChildFD(3), nil)
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(7) != "through" {
		t.Errorf("got %q", p.got(7))
	}
	for _, event := range p.events {
		if event == "lost 0" || event == "lost 1" {
			t.Errorf("events %v", p.events)
		}
	}

	file, err := os.CreateTemp(t.TempDir(), "")
	wantErr(t, err, nil)
	defer file.Close()
	p = newProcessRecorder()
	n.spawn(p, "say x", reactor.ProcessOptions{ChildFDs: map[int]reactor.ChildFD{
		1: reactor.InheritFile(file), 2: reactor.ParentReads,
	}})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if got, _ := os.ReadFile(file.Name()); string(got) != "out x" || p.got(2) != "err x" {
		t.Errorf("the file has %q, descriptor 2 brought %q", got, p.got(2))
	}
}

func TestR476_NothingElseIsInherited(t *testing.T) {
	n := startProcesses(t)
	open, err := syscall.Dup(1) // without close-on-exec, as a parent or C code may leave one
	wantErr(t, err, nil)
	defer syscall.Close(open)
	p := newProcessRecorder()
	n.shell(p, "for fd in /dev/fd/*; do if [ -e $fd ]; then echo ${fd##*/}; fi; done", reactor.ProcessOptions{})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	for _, fd := range strings.Fields(p.got(1)) {
		if n, err := strconv.Atoi(fd); err == nil && n == open {
			t.Errorf("the child has descriptor %d: %q", n, p.got(1))
		}
	}
	if !strings.HasPrefix(p.got(1), "0\n1\n2\n") {
		t.Errorf("the child has %q", p.got(1))
	}
}

func TestR482_R488_Signals(t *testing.T) {
	n := startProcesses(t)
	for name, want := range map[string]syscall.Signal{
		"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "": syscall.SIGUSR1,
	} {
		p := newProcessRecorder()
		proc := n.shell(p, "echo ready; read x", reactor.ProcessOptions{})
		n.waitFor("the child", func() bool { return p.got(1) != "" })
		n.do(func() {
			if name == "" {
				wantErr(t, proc.Signal(want), nil)
			} else {
				wantErr(t, proc.SignalProcess(name), nil)
			}
		})
		reason := within(t, p.ended)
		e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
		if !ok || e.Signal != want || e.ExitCode != -1 || e.Status != uint32(want) {
			t.Errorf("%s: %#v", name, reason)
		}
		if !strings.Contains(reason.Error(), want.String()) {
			t.Errorf("%q does not name the signal", reason)
		}
	}
}

func TestR488_Stop(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.shell(p, "echo ready; read x; echo on", reactor.ProcessOptions{})
	n.waitFor("the child", func() bool { return p.got(1) != "" })
	n.do(func() { wantErr(t, proc.SignalProcess("STOP"), nil) })
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(proc.PID(), &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Errorf("the child has status %v, %v", status, err)
	}
	n.do(func() {
		wantErr(t, proc.Signal(syscall.SIGCONT), nil)
		proc.Write([]byte("\n"))
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
}

func TestR488_ExitNotYetNoticed(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	n.do(func() {
		proc, err := n.r.SpawnProcess(p, "/bin/sh", []string{"sh", "-c", "exit 3"}, reactor.ProcessOptions{})
		wantErr(t, err, nil)
		for pid := proc.PID(); syscall.Kill(pid, 0) == nil; { // the loop is blocked, so it cannot notice
			runtime.Gosched()
		}
		wantErr(t, proc.SignalProcess("TERM"), reactor.ErrProcessExitedAlready)
		p.events.want(t, "made")
	})
	within(t, p.ended)
}

// TestR492_IgnoredSignals runs in a process of its own, because Go cannot undo
// signal.Ignore: later children of other tests would ignore the signals.
func TestR492_IgnoredSignals(t *testing.T) {
	const own = "HAWSER_TEST_IGNORES"
	if os.Getenv(own) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestR492_IgnoredSignals$")
		cmd.Env = append(os.Environ(), own+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGUSR2)
	n := startProcesses(t)
	p := newProcessRecorder()
	n.shell(p, "kill -HUP $$; echo survived", reactor.ProcessOptions{})
	if e, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok || e.Signal != syscall.SIGHUP {
		t.Errorf("reason %v, output %q", p.exit, p.got(1))
	}
	if !signal.Ignored(syscall.SIGHUP) || !signal.Ignored(syscall.SIGUSR2) {
		t.Error("a signal is no longer ignored here")
	}
	wantErr(t, syscall.Kill(os.Getpid(), syscall.SIGUSR2), nil) // would end this process
}

func TestR489_NotExecutable(t *testing.T) {
	n := startProcesses(t)
	file := filepath.Join(t.TempDir(), "file")
	wantErr(t, os.WriteFile(file, []byte("no program"), 0o644), nil)
	n.do(func() {
		_, err := n.r.SpawnProcess(newProcessRecorder(), file, nil, reactor.ProcessOptions{})
		wantErr(t, err, syscall.EACCES)
		if want := fmt.Sprintf("reactor: cannot start %q: permission denied", file); err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

func TestR493_FailureLeavesNothing(t *testing.T) {
	n := startProcesses(t)
	before := len(openFiles(t))
	n.do(func() {
		for _, opts := range []reactor.ProcessOptions{{}, {UsePTY: true}, {Dir: "/nonexistent"}} {
			for range 20 {
				if _, err := n.r.SpawnProcess(newProcessRecorder(), "/nonexistent", nil, opts); err == nil {
					t.Error("started")
				}
			}
		}
		if after := len(openFiles(t)); after != before {
			t.Errorf("%d files are open, %d before", after, before)
		}
	})
}

func TestR493_OutOfDescriptors(t *testing.T) {
	n := startProcesses(t)
	n.do(func() {
		var files []*os.File
		for {
			f, err := os.Open("/dev/null")
			if err != nil {
				break
			}
			files = append(files, f)
			if len(files) > 1<<16 {
				break
			}
		}
		for spare := range 8 { // so that each of the steps fails
			for _, f := range files[:spare] {
				f.Close()
			}
			before := len(files)
			_, err := n.r.SpawnProcess(newProcessRecorder(), "/bin/sh", []string{"sh", "-c", "exit"}, reactor.ProcessOptions{})
			if before > 1<<16 {
				break // no limit here
			}
			if spare < 6 {
				wantErr(t, err, syscall.EMFILE)
			}
			for i := range files[:spare] {
				if err == nil {
					break
				}
				var err error
				if files[i], err = os.Open("/dev/null"); err != nil {
					t.Errorf("with %d spare descriptors one is left open", spare)
				}
			}
			if err == nil {
				break
			}
		}
		for _, f := range files {
			f.Close()
		}
	})
}

func TestR496_PTY(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	script := "stty size; tty >/dev/null && echo terminal; ps -o pid=,sid= -p $$; trap 'stty size' WINCH; echo err >&2; " +
		"echo ready; while ! read line; do :; done; echo \"<$line>\"; while ! read line; do :; done"
	proc := n.shell(p, script, reactor.ProcessOptions{UsePTY: true, WindowSize: reactor.WindowSize{Rows: 24, Columns: 80}, InheritEnv: true})
	n.waitFor("the child", func() bool { return strings.Contains(p.got(1), "ready") })
	n.do(func() {
		wantErr(t, proc.WriteToChild(1, nil), errors.ErrUnsupported)
		wantErr(t, proc.CloseChildFD(1), errors.ErrUnsupported)
		proc.CloseStdin()
		proc.CloseStdout()
		proc.CloseStderr()
		wantErr(t, proc.SetWindowSize(reactor.WindowSize{Rows: 30, Columns: 100}), nil)
		wantErr(t, proc.SendBreak(), nil)
		proc.Write([]byte("hello\n"))
	})
	n.waitFor("the answer", func() bool { return strings.Contains(p.got(1), "<hello>") })
	for _, want := range []string{"24 80", "terminal", "err", "30 100", "hello"} {
		if !strings.Contains(p.got(1), want) {
			t.Errorf("no %q in %q", want, p.got(1))
		}
	}
	pid := strconv.Itoa(proc.PID())
	if lines := strings.Fields(p.got(1)); strings.Count(strings.Join(lines, " "), pid) != 2 {
		t.Errorf("the child %s does not lead a session: %q", pid, p.got(1))
	}
	n.do(proc.LoseConnection) // hangs up
	if e, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok || e.Signal != syscall.SIGHUP {
		t.Errorf("reason %v", p.exit)
	}
	p.events.want(t, "made", "data 1", "exited", "ended")
	n.do(func() {
		wantErr(t, proc.SetWindowSize(reactor.WindowSize{}), errors.ErrUnsupported)
		wantErr(t, proc.SendBreak(), errors.ErrUnsupported)
	})
}

func TestTerminalEnv(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	n.shell(p, `[ "$(tty)" = "$TTY" ] && echo same`, reactor.ProcessOptions{UsePTY: true, TerminalEnv: "TTY", InheritEnv: true})
	within(t, p.ended)
	if p.got(1) != "same\r\n" {
		t.Errorf("received %q", p.got(1))
	}
}

// TestDropConnection: data that the child never reads does not keep the pipes.
func TestDropConnection(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.shell(p, "echo ready; exec sleep 1000", reactor.ProcessOptions{InheritEnv: true})
	n.waitFor("the child", func() bool { return p.got(1) != "" })
	n.do(func() {
		proc.Write(make([]byte, 1<<20))
		proc.LoseConnection() // waits for the data
		proc.DropConnection()
	})
	n.waitFor("the pipes", func() bool { return slices.Contains(p.events, "lost 2") })
	n.do(func() { wantErr(t, proc.Signal(syscall.SIGTERM), nil) }) // it runs
	within(t, p.ended)
	p.events.want(t, "made", "data 1", "lost 0", "lost 1", "lost 2", "exited", "ended")
}

func TestR496_PTYEndsWithItsOutput(t *testing.T) {
	n := startProcesses(t)
	for range 20 {
		p := newProcessRecorder()
		n.shell(p, "i=0; while [ $i -lt 500 ]; do echo 0123456789; i=$((i+1)); done; exit 4", reactor.ProcessOptions{UsePTY: true})
		if e, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok || e.ExitCode != 4 {
			t.Errorf("reason %v", p.exit)
		}
		if len(p.got(1)) != 500*12 {
			t.Errorf("received %d bytes", len(p.got(1)))
		}
	}
	n.do(func() {
		_, err := n.r.SpawnProcess(newProcessRecorder(), "/bin/sh", nil,
			reactor.ProcessOptions{UsePTY: true, ChildFDs: map[int]reactor.ChildFD{1: reactor.ParentReads}})
		if err == nil || !strings.Contains(err.Error(), "UsePTY") {
			t.Errorf("ChildFDs and UsePTY: %v", err)
		}
	})
}

func TestShutdownKillsAChildThatIgnoresSIGTERM(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onData = func(int, []byte) { _ = r.Stop() }
	script := "trap '' TERM; echo ready; while :; do read x; done"
	_, err := r.SpawnProcess(p, "/bin/sh", []string{"sh", "-c", script}, reactor.ProcessOptions{KillAfter: time.Millisecond})
	wantErr(t, err, nil)
	mustRun(t, r)
	if e, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok || e.Signal != syscall.SIGKILL {
		t.Errorf("reason %v", p.exit)
	}
}

func TestShutdownTimeoutKillsLater(t *testing.T) {
	checkChildren(t)
	r := reactor.New(reactor.Options{NoSignals: true, ShutdownTimeout: time.Millisecond})
	p := newProcessRecorder()
	p.onData = func(int, []byte) { _ = r.Stop() }
	script := "trap '' TERM; echo ready; while :; do read x; done"
	proc, err := r.SpawnProcess(p, "/bin/sh", []string{"sh", "-c", script}, reactor.ProcessOptions{KillAfter: 200 * time.Millisecond})
	wantErr(t, err, nil)
	wantErr(t, r.Run(), reactor.ErrShutdownTimeout)
	for syscall.Kill(proc.PID(), 0) == nil {
		runtime.Gosched()
	}
}
