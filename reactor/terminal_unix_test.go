//go:build unix

package reactor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/hawser-go/hawser/reactor"
)

// openTerminal returns a new terminal, which blocks as that of a shell does, and
// its far end.
func openTerminal(t *testing.T) (far, tty *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	return withMode(t, master, true), withMode(t, slave, false)
}

// withMode replaces f by a file that blocks or does not.
func withMode(t *testing.T, f *os.File, nonblock bool) *os.File {
	t.Helper()
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, nonblock)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fileOf(t, fd)
}

// modeOf returns the mode of a terminal.
func modeOf(t *testing.T, tty *os.File) (state *term.State) {
	t.Helper()
	raw, err := tty.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { state, err = term.GetState(int(fd)) })
	}
	if err != nil {
		t.Error(err)
	}
	return state
}

func makeRaw(t *testing.T, tty *os.File) {
	t.Helper()
	raw, err := tty.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { _, err = term.MakeRaw(int(fd)) })
	}
	if err != nil {
		t.Error(err)
	}
}

func terminal(p reactor.Protocol) reactor.TerminalTransport {
	return p.Transport().(reactor.TerminalTransport)
}

func TestR501_RawMode(t *testing.T) {
	for name, tt := range endings {
		t.Run(name, func(t *testing.T) {
			n := startNet(t)
			far, tty := openTerminal(t)
			cooked := modeOf(t, tty)
			p := newRecorder()
			n.standardIO(p, tty, tty)
			wantMode := func(raw bool) {
				t.Helper()
				if reflect.DeepEqual(modeOf(t, tty), cooked) == raw {
					t.Errorf("raw is %v, want %v", !raw, raw)
				}
			}
			for _, raw := range []bool{true, true, false, false, true} {
				n.do(func() { wantErr(t, terminal(p).SetRaw(raw), nil) })
				wantMode(raw)
			}
			tt.end(n, p)
			if name == "panic" {
				write(t, far, "x") // a key, without the end of a line
			}
			n.wantReason(p, tt.reason)
			wantMode(false)
		})
	}
}

func TestR501_NoTerminal(t *testing.T) {
	p := newRecorder()
	s := standard(t, p)
	tcp := newRecorder()
	s.serve(tcp)
	s.do(func() {
		for _, tr := range []reactor.TerminalTransport{terminal(p), terminal(tcp)} {
			_, err := tr.WindowSize()
			wantErr(t, err, errors.ErrUnsupported)
			wantErr(t, tr.SetRaw(true), errors.ErrUnsupported)
			wantErr(t, tr.SetRaw(false), errors.ErrUnsupported)
		}
		terminal(p).LoseConnection()
	})
	s.wantReason(p, reactor.ErrConnectionDone)
	_, tty := openTerminal(t)
	q := newRecorder()
	s.standardIO(q, tty, tty)
	s.do(func() {
		tr := terminal(q)
		tr.AbortConnection()
		wantErr(t, tr.SetRaw(true), reactor.ErrConnectionClosed)
	})
}

// The size is known if only standard output is a terminal.
func TestR501_WindowSizeOfTheOutput(t *testing.T) {
	n := startNet(t)
	_, tty := openTerminal(t)
	stdin, _ := blockingPipe(t)
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80, X: 800, Y: 600}); err != nil {
		t.Fatal(err)
	}
	p := newRecorder()
	n.standardIO(p, stdin, tty)
	n.do(func() {
		size, err := terminal(p).WindowSize()
		if want := (reactor.WindowSize{Rows: 24, Columns: 80, Width: 800, Height: 600}); size != want || err != nil {
			t.Errorf("%+v, %v", size, err)
		}
	})
}

// terminalUser is the protocol of terminalProgram. Each byte that it receives
// is a command.
type terminalUser struct {
	reactor.BaseProtocol
	r *reactor.Reactor
}

func (u *terminalUser) say(text string) { u.Transport().Write([]byte(text + "\r\n")) }

func (u *terminalUser) ConnectionMade() {
	t := terminal(u)
	if err := t.SetRaw(true); err != nil {
		panic(err)
	}
	size, err := t.WindowSize()
	u.say(fmt.Sprint("ready ", size.Rows, "x", size.Columns, err))
}

func (u *terminalUser) WindowChanged(size reactor.WindowSize) {
	u.say(fmt.Sprint("size ", size.Rows, "x", size.Columns))
}

func (u *terminalUser) DataReceived(data []byte) {
	switch string(data) {
	case "l":
		u.Transport().LoseConnection()
	case "s":
		_ = u.r.Stop()
	case "p":
		panic("in a hook")
	case "g":
		u.r.CallLater(0, func() { panic("out of Run") }) // the logger panics, too
	case "b":
		u.r.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, func() {
			_, _ = os.Stdout.WriteString("stopping\r\n")
			select {} // blocks the loop
		})
		u.say("will block")
	}
}

func (u *terminalUser) ConnectionLost(error) { _ = u.r.Stop() }

// brokenHandler is a handler of log records that panics for one of them.
type brokenHandler struct{ slog.Handler }

func (h brokenHandler) Handle(ctx context.Context, record slog.Record) error {
	if strings.Contains(record.Message, "out of Run") {
		panic("the logger is broken")
	}
	return h.Handler.Handle(ctx, record)
}

// terminalProgram is the program that TestR501_R509_Terminal runs.
func terminalProgram() {
	r := reactor.New(reactor.Options{Logger: slog.New(brokenHandler{slog.NewTextHandler(os.Stderr, nil)}), ShutdownTimeout: -1})
	r.CallWhenRunning(func() { _, _ = r.StandardIO(&terminalUser{r: r}, reactor.StandardIOOptions{}) })
	_ = r.Run()
	fmt.Println("the end") // directly
	os.Exit(0)
}

// program is a program in a terminal of its own.
type program struct {
	*testing.T
	cmd      *exec.Cmd
	far, tty *os.File
	cooked   *term.State
	errs     bytes.Buffer

	mu      sync.Mutex // guards the rest
	printed strings.Builder
	more    chan struct{} // gets a value after printed has changed
}

// startProgram runs this test again, with its environment variable set.
func startProgram(t *testing.T, variable string) *program {
	t.Helper()
	p := &program{T: t, more: make(chan struct{}, 1)}
	p.far, p.tty = openTerminal(t)
	if err := pty.Setsize(p.tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	p.cooked = modeOf(t, p.tty)
	name, _, _ := strings.Cut(t.Name(), "/")
	p.cmd = exec.Command(os.Args[0], "-test.run=^"+name+"$")
	p.cmd.Env = append(os.Environ(), variable+"=1", "GOTRACEBACK=none")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.tty, p.tty, &p.errs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// A child inherits signals that are ignored, as by nohup, but not those that
	// are caught.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP)
	err := p.cmd.Start()
	signal.Stop(caught)
	if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		_ = p.cmd.Process.Kill() // fails if it has ended
		_ = p.cmd.Wait()
	})
	go p.collect() // ends when the test closes the terminal
	return p
}

func (p *program) collect() {
	buf := make([]byte, 4096)
	for {
		n, err := p.far.Read(buf)
		p.mu.Lock()
		p.printed.Write(buf[:n])
		p.mu.Unlock()
		select {
		case p.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// expect waits until the program has printed text.
func (p *program) expect(text string) {
	p.Helper()
	deadline := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		printed := p.printed.String()
		p.mu.Unlock()
		if strings.Contains(printed, text) {
			return
		}
		select {
		case <-p.more:
		case <-deadline:
			p.Fatalf("no %q; the program has printed %q and %q", text, printed, &p.errs)
		}
	}
}

func (p *program) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *program) isRaw() bool { return !reflect.DeepEqual(modeOf(p.T, p.tty), p.cooked) }

func (p *program) wantRaw(want bool) {
	p.Helper()
	if p.isRaw() != want {
		p.Errorf("raw is %v, want %v", !want, want)
	}
}

// wantEnd waits for the end of the program, as a shell shows it.
func (p *program) wantEnd(want string) {
	p.Helper()
	_ = p.cmd.Wait() // the state tells
	if got := p.cmd.ProcessState.String(); got != want {
		p.Errorf("ended with %q, want %q; stderr %q", got, want, &p.errs)
	}
	p.wantRaw(false)
}

// Each ending restores the terminal. R509: the program can print directly
// afterwards.
func TestR501_R509_Terminal(t *testing.T) {
	const variable = "HAWSER_TEST_TERMINAL"
	if os.Getenv(variable) != "" {
		terminalProgram()
	}
	type step func(p *program)
	key := func(keys string) step { return func(p *program) { write(p.T, p.far, keys) } }
	sig := func(s syscall.Signal) step { return func(p *program) { p.signal(s) } }
	expect := func(text string) step { return func(p *program) { p.expect(text) } }
	raw := func(p *program) { p.wantRaw(true) }
	for name, tt := range map[string]struct {
		steps []step
		want  string
		print string
	}{
		"LoseConnection":    {[]step{key("l")}, "exit status 0", "the end\r\n"},
		"Stop":              {[]step{key("s")}, "exit status 0", "the end\r\n"},
		"panic in a hook":   {[]step{key("p")}, "exit status 0", "the end\r\n"},
		"panic out of Run":  {[]step{key("g")}, "exit status 2", ""},
		"SIGINT":            {[]step{sig(syscall.SIGINT)}, "exit status 0", "the end\r\n"},
		"SIGTERM":           {[]step{sig(syscall.SIGTERM)}, "exit status 0", "the end\r\n"},
		"SIGHUP":            {[]step{sig(syscall.SIGHUP)}, "signal: hangup", ""},
		"SIGQUIT":           {[]step{sig(syscall.SIGQUIT)}, "exit status 2", ""},
		"SIGTERM twice":     {[]step{key("b"), expect("will block"), sig(syscall.SIGTERM), expect("stopping"), raw, sig(syscall.SIGTERM)}, "signal: terminated", ""},
		"SIGINT twice":      {[]step{key("b"), expect("will block"), sig(syscall.SIGINT), expect("stopping"), raw, sig(syscall.SIGINT)}, "signal: interrupt", ""},
		"size":              {[]step{resize(30, 100), expect("size 30x100"), resize(40, 120), expect("size 40x120"), key("l")}, "exit status 0", "the end\r\n"},
		"SIGTSTP, SIGCONT":  {[]step{sig(syscall.SIGTSTP), stopped, resize(50, 100), sig(syscall.SIGCONT), expect("size 50x100"), raw, key("l")}, "exit status 0", "the end\r\n"},
		"SIGSTOP, SIGCONT":  {[]step{sig(syscall.SIGSTOP), stoppedRaw, shellRestores, resize(50, 100), sig(syscall.SIGCONT), expect("size 50x100"), raw, key("l")}, "exit status 0", "the end\r\n"},
		"stopped, then end": {[]step{sig(syscall.SIGTSTP), stopped, sig(syscall.SIGTERM), sig(syscall.SIGCONT)}, "exit status 0", "the end\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, variable)
			p.expect("ready 24x80 <nil>\r\n")
			p.wantRaw(true)
			if canOpenAgain && nonblocking(t, p.tty) {
				t.Error("the mode of the terminal's descriptor, which others share, is changed")
			}
			for _, do := range tt.steps {
				do(p)
			}
			p.wantEnd(tt.want)
			p.expect(tt.print)
			if nonblocking(t, p.tty) {
				t.Error("the terminal's descriptor does not block any more")
			}
		})
	}
}

func resize(rows, columns uint16) func(p *program) {
	return func(p *program) {
		if err := pty.Setsize(p.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
			p.Error(err)
		}
	}
}

// stopped waits until the program is stopped. The terminal is restored then.
func stopped(p *program) {
	stoppedRaw(p)
	p.wantRaw(false)
}

// stoppedRaw waits until the program is stopped.
func stoppedRaw(p *program) {
	p.Helper()
	var status unix.WaitStatus
	if _, err := unix.Wait4(p.cmd.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
		p.Fatalf("the program is not stopped: %v, %v", status, err)
	}
}

// shellRestores does to the terminal what a shell does when a job stops.
func shellRestores(p *program) {
	raw, err := p.tty.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { err = term.Restore(int(fd), p.cooked) })
	}
	if err != nil {
		p.Error(err)
	}
}

// In its usual mode a terminal delivers lines, and Ctrl-D ends the input.
func TestR501_R504_TerminalLines(t *testing.T) {
	n := startNet(t)
	far, tty := openTerminal(t)
	p := echoer()
	n.standardIO(p, tty, tty)
	write(t, far, "a line\n")
	if got := readN(t, far, 16); got != "a line\r\na line\r\n" { // the terminal's echo, and ours
		t.Errorf("got %q", got)
	}
	write(t, far, "\x04")
	n.wantReason(p, reactor.ErrConnectionDone)
}
