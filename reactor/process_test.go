package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

// processRecorder is a protocol that notes what happens to it, and does what
// its hooks say.
type processRecorder struct {
	reactor.BaseProcessProtocol
	events notes
	data   map[int]*bytes.Buffer
	exit   error
	onMade func()
	onData func(fd int, data []byte)
	onLost func(fd int)
	onExit func()
	onEnd  func()
	ended  chan error // gets the reason of ProcessEnded
}

func newProcessRecorder() *processRecorder {
	return &processRecorder{data: make(map[int]*bytes.Buffer), ended: make(chan error, 16)}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func (p *processRecorder) ConnectionMade() {
	p.events.add("made")
	call(p.onMade)
}

func (p *processRecorder) ChildDataReceived(fd int, data []byte) {
	if event := fmt.Sprintf("data %d", fd); !slices.Contains(p.events, event) {
		p.events.add(event)
	}
	if p.data[fd] == nil {
		p.data[fd] = new(bytes.Buffer)
	}
	p.data[fd].Write(data)
	if p.onData != nil {
		p.onData(fd, data)
	}
}

func (p *processRecorder) ChildConnectionLost(fd int) {
	p.events.add(fmt.Sprintf("lost %d", fd))
	if p.onLost != nil {
		p.onLost(fd)
	}
}

func (p *processRecorder) ProcessExited(reason error) {
	p.exit = reason
	p.events.add("exited")
	call(p.onExit)
}

func (p *processRecorder) ProcessEnded(reason error) {
	p.events.add("ended")
	p.ended <- reason
	call(p.onEnd)
}

func (p *processRecorder) got(fd int) string {
	if p.data[fd] == nil {
		return ""
	}
	return p.data[fd].String()
}

// startProcesses is startNet for tests of processes. It also checks that no
// child is left, nor a descriptor.
func startProcesses(t *testing.T) *netTest {
	t.Helper()
	checkChildren(t)
	return startNet(t)
}

// spawn starts a child that does a job, see childJobs.
func (t *netTest) spawn(p reactor.ProcessProtocol, job string, opts reactor.ProcessOptions) (proc reactor.ProcessTransport) {
	t.Helper()
	opts.Env = append(childEnv(job), opts.Env...)
	return t.start(p, os.Args[0], nil, opts)
}

// start starts a program.
func (t *netTest) start(
	p reactor.ProcessProtocol, program string, args []string, opts reactor.ProcessOptions,
) (proc reactor.ProcessTransport) {
	t.Helper()
	var err error
	t.do(func() { proc, err = t.r.SpawnProcess(p, program, args, opts) })
	if err != nil {
		t.Fatal(err)
	}
	return proc
}

// run starts a child that does a job, without input, and waits for its end.
func (t *netTest) run(job string, opts reactor.ProcessOptions) *processRecorder {
	t.Helper()
	p := newProcessRecorder()
	p.onMade = func() { p.Transport().CloseStdin() }
	t.spawn(p, job, opts)
	wantErr(t.T, within(t.T, p.ended), reactor.ErrProcessDone)
	return p
}

func TestR471_SpawnProcess(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	n.do(func() {
		proc, err := n.r.SpawnProcess(p, os.Args[0], []string{"my name", "two"}, reactor.ProcessOptions{Env: childEnv("args")})
		wantErr(t, err, nil)
		p.events.want(t, "made") // before SpawnProcess returns
		if p.Transport() != proc || proc.PID() <= 0 {
			t.Errorf("transport %v, pid %d", p.Transport(), proc.PID())
		}
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if got := p.got(1); got != `["my name" "two"]` {
		t.Errorf("the child's arguments are %s", got)
	}
	if got, want := n.run("args", reactor.ProcessOptions{}).got(1), fmt.Sprintf("[%q]", os.Args[0]); got != want {
		t.Errorf("without arguments: %s, want %s", got, want)
	}
}

func TestR472_Environment(t *testing.T) {
	t.Setenv("HAWSER_INHERITED", "yes")
	t.Setenv("HAWSER_BOTH", "inherited")
	n := startProcesses(t)
	alone := n.run("env", reactor.ProcessOptions{Env: []string{"A=1", "B=2"}}).got(1)
	if !strings.Contains(alone, `"A=1" "B=2"`) || strings.Contains(alone, "INHERITED") {
		t.Errorf("Env alone: %s", alone)
	}
	both := n.run("env", reactor.ProcessOptions{Env: []string{"HAWSER_MORE=1", "HAWSER_BOTH=own"}, InheritEnv: true}).got(1)
	if !strings.Contains(both, `"HAWSER_INHERITED=yes"`) || !strings.Contains(both, `"HAWSER_MORE=1"`) {
		t.Errorf("InheritEnv: %s", both)
	}
	if !strings.Contains(both, `"HAWSER_BOTH=own"`) || strings.Contains(both, "HAWSER_BOTH=inherited") {
		t.Errorf("Env does not replace what is inherited: %s", both)
	}
}

func TestR473_Directory(t *testing.T) {
	n := startProcesses(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	wantErr(t, err, nil)
	if got := n.run("dir", reactor.ProcessOptions{Dir: dir}).got(1); got != dir+"<nil>" {
		t.Errorf("the child is in %q, want %q", got, dir)
	}
	n.do(func() {
		_, err := n.r.SpawnProcess(newProcessRecorder(), os.Args[0], nil, reactor.ProcessOptions{Dir: filepath.Join(dir, "none")})
		wantErr(t, err, fs.ErrNotExist)
		if !strings.Contains(fmt.Sprint(err), "none") {
			t.Errorf("the error does not name the directory: %v", err)
		}
	})
}

func TestR475_Arguments(t *testing.T) {
	n := startProcesses(t)
	args := []string{"name", "", " ", "a b", `"`, `\`, "'", "$HOME", "*", "\n", "\t", "é", "\xff\x01", strings.Repeat("long", 5000)}
	p := newProcessRecorder()
	n.start(p, os.Args[0], args, reactor.ProcessOptions{Env: childEnv("args")})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if want := fmt.Sprintf("%q", args); p.got(1) != want {
		t.Errorf("got  %s\nwant %s", p.got(1), want)
	}
	n.do(func() {
		_, err := n.r.SpawnProcess(newProcessRecorder(), os.Args[0], []string{"a\x00b"}, reactor.ProcessOptions{})
		if cannot, ok := errors.AsType[*reactor.CannotSpawnError](err); !ok || cannot.Executable != os.Args[0] {
			t.Errorf("NUL: %v", err)
		}
	})
}

// hookRecorder notes the calls of the default methods.
type hookRecorder struct {
	reactor.BaseProcessProtocol
	calls notes
	ended chan none
}

func (p *hookRecorder) OutReceived(data []byte) { p.calls.add("out " + string(data)) }
func (p *hookRecorder) ErrReceived(data []byte) { p.calls.add("err " + string(data)) }
func (p *hookRecorder) InConnectionLost()       { p.calls.add("in lost") }
func (p *hookRecorder) OutConnectionLost()      { p.calls.add("out lost") }
func (p *hookRecorder) ErrConnectionLost()      { p.calls.add("err lost") }
func (p *hookRecorder) ProcessEnded(error)      { close(p.ended) }

func TestR477_R478_NamedHooks(t *testing.T) {
	n := startProcesses(t)
	p := &hookRecorder{ended: make(chan none)}
	n.spawn(p, "say x", reactor.ProcessOptions{})
	within(t, p.ended)
	slices.Sort(p.calls)
	p.calls.want(t, "err err x", "err lost", "in lost", "out lost", "out out x")
}

func TestR479_R480_R481_ExitIsReportedPromptly(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.spawn(p, "leave cat", reactor.ProcessOptions{})
	n.waitFor("exit", func() bool { return p.exit != nil })
	n.do(func() {
		p.events.want(t, "made", "exited") // the grandchild holds the pipes
		proc.Write([]byte("hello"))
		proc.CloseStdin()
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(1) != "hello" {
		t.Errorf("got %q", p.got(1))
	}
	if last := len(p.events) - 1; p.events[last] != "ended" || !slices.Contains(p.events, "lost 1") {
		t.Errorf("events: %v", p.events)
	}
}

func TestR482_ExitCodes(t *testing.T) {
	n := startProcesses(t)
	for code := range 4 {
		p := newProcessRecorder()
		n.spawn(p, fmt.Sprint("exit ", code), reactor.ProcessOptions{})
		reason := within(t, p.ended)
		if code == 0 {
			wantErr(t, reason, reactor.ErrProcessDone)
			wantErr(t, reason, reactor.ErrConnectionDone)
			continue
		}
		wantErr(t, reason, reactor.ErrConnectionLost)
		e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
		if !ok || e.ExitCode != code || e.Signal != 0 || e.Status == 0 || p.exit != reason {
			t.Errorf("exit code %d: %+v, and ProcessExited got %v", code, reason, p.exit)
		}
		if want := fmt.Sprintf("reactor: the process ended with exit code %d", code); reason.Error() != want {
			t.Errorf("got %q", reason)
		}
	}
}

func TestR483_PID(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	pid := -1
	p.onExit = func() { pid = p.Transport().PID() }
	proc := n.spawn(p, "wait", reactor.ProcessOptions{})
	n.do(func() {
		if proc.PID() <= 0 {
			t.Errorf("pid %d while the child lives", proc.PID())
		}
		proc.CloseStdin()
	})
	within(t, p.ended)
	if pid != 0 {
		t.Errorf("pid %d in ProcessExited", pid)
	}
}

func TestR484_R485_Writing(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.spawn(p, "cat", reactor.ProcessOptions{})
	n.do(func() {
		proc.Write([]byte("a"))
		proc.WriteSequence([][]byte{[]byte("b"), []byte("c")})
		wantErr(t, proc.WriteToChild(0, []byte("d")), nil)
		wantErr(t, proc.WriteToChild(1, []byte("no")), reactor.ErrNoChildFD)
		wantErr(t, proc.WriteToChild(7, []byte("no")), reactor.ErrNoChildFD)
		wantErr(t, proc.SetWindowSize(reactor.WindowSize{}), errors.ErrUnsupported)
		proc.CloseStdin()
	})
	within(t, p.ended)
	if p.got(1) != "abcd" {
		t.Errorf("got %q", p.got(1))
	}
	n.do(func() {
		proc.Write([]byte("dropped"))
		wantErr(t, proc.WriteToChild(0, []byte("no")), reactor.ErrNoChildFD) // closed
	})
}

func TestR484_R487_WithoutStdin(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	prod := new(testProducer)
	proc := n.spawn(p, "say x", reactor.ProcessOptions{ChildFDs: map[int]reactor.ChildFD{1: reactor.ParentReads}})
	n.do(func() {
		proc.Write([]byte("dropped"))
		wantErr(t, proc.RegisterProducer(prod, true), nil)
		prod.events.want(t, "stop")
		proc.UnregisterProducer()
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(1) != "out x" || p.got(2) != "" {
		t.Errorf("got %q", p.got(1)+p.got(2))
	}
}

func TestR486_Closing(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.spawn(p, "count", reactor.ProcessOptions{})
	n.do(func() {
		proc.Write(make([]byte, 3<<20)) // more than the pipe takes
		proc.CloseStdin()               // flushes
		wantErr(t, proc.CloseChildFD(0), nil)
		proc.CloseStdin()
		proc.CloseStderr()
		wantErr(t, proc.CloseChildFD(9), nil)
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(1) != fmt.Sprint(3<<20) {
		t.Errorf("the child has read %s bytes", p.got(1))
	}
	n.do(proc.CloseStdout) // nothing is open any more

	p = newProcessRecorder()
	proc = n.spawn(p, "wait", reactor.ProcessOptions{})
	n.waitFor("the child", func() bool { return p.got(1) == "ready" })
	n.do(proc.LoseConnection)
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	for _, event := range []string{"lost 0", "lost 1", "lost 2"} {
		if !slices.Contains(p.events, event) {
			t.Errorf("no %q in %v", event, p.events)
		}
	}
}

func TestR487_Pausing(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	const size = 1 << 20
	p.onMade = func() { p.Transport().PauseProducing() }
	proc := n.spawn(p, fmt.Sprint("both ", size), reactor.ProcessOptions{})
	n.turns(100)
	n.do(func() {
		p.events.want(t, "made") // the child waits until its output is read
		proc.ResumeProducing()
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if len(p.got(1)) != size || len(p.got(2)) != size {
		t.Errorf("received %d and %d bytes of %d", len(p.got(1)), len(p.got(2)), size)
	}
}

func TestR487_ProducerForStdin(t *testing.T) {
	n := startProcesses(t)
	p, prod := newProcessRecorder(), new(testProducer)
	proc := n.spawn(p, "count", reactor.ProcessOptions{})
	rounds := 0
	prod.onResume = func() {
		if rounds++; rounds == 5 {
			proc.UnregisterProducer()
			proc.CloseStdin()
			return
		}
		proc.Write(make([]byte, 2*reactor.BufferLimit))
	}
	n.do(func() {
		wantErr(t, proc.RegisterProducer(prod, true), nil)
		wantErr(t, proc.RegisterProducer(prod, true), reactor.ErrProducerRegistered)
		prod.ResumeProducing()
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if want := fmt.Sprint(4 * 2 * reactor.BufferLimit); p.got(1) != want {
		t.Errorf("the child has read %s bytes, want %s", p.got(1), want)
	}

	prod = new(testProducer)
	p = newProcessRecorder()
	proc = n.spawn(p, "wait", reactor.ProcessOptions{})
	n.do(func() {
		wantErr(t, proc.RegisterProducer(prod, true), nil)
		wantErr(t, proc.SignalProcess("KILL"), nil)
	})
	within(t, p.ended)
	prod.events.want(t, "stop")
}

func TestR488_Kill(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	proc := n.spawn(p, "forever", reactor.ProcessOptions{})
	n.waitFor("the child", func() bool { return p.got(1) == "ready" })
	n.do(func() {
		if err := proc.SignalProcess("NONE"); err == nil || !strings.Contains(err.Error(), "TERM") {
			t.Errorf("an unknown name: %v", err)
		}
		wantErr(t, proc.SignalProcess("KILL"), nil)
	})
	if _, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok {
		t.Errorf("reason %v", p.exit)
	}
	n.do(func() {
		wantErr(t, proc.SignalProcess("KILL"), reactor.ErrProcessExitedAlready)
		wantErr(t, proc.Signal(os.Kill), reactor.ErrProcessExitedAlready)
	})
}

func TestAbortConnection(t *testing.T) {
	n := startProcesses(t)
	p, prod := newProcessRecorder(), new(testProducer)
	proc := n.spawn(p, "leave wait", reactor.ProcessOptions{})
	n.waitFor("exit", func() bool { return p.exit != nil })
	n.do(func() {
		wantErr(t, proc.RegisterProducer(prod, true), nil)
		proc.Write(make([]byte, tooMuch)) // the grandchild need not read it
		proc.PauseProducing()
		proc.LoseConnection() // waits for the producer
		proc.AbortConnection()
		proc.AbortConnection()
	})
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	prod.events.want(t, "pause", "stop")

	p = newProcessRecorder()
	proc = n.spawn(p, "forever", reactor.ProcessOptions{})
	n.do(proc.AbortConnection)
	if _, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok {
		t.Errorf("reason %v", p.exit)
	}
}

func TestR489_CannotStart(t *testing.T) {
	n := startProcesses(t)
	for name, program := range map[string]string{
		"no such file": filepath.Join(t.TempDir(), "none"), "not in PATH": "hawser-has-no-such-program", "a directory": t.TempDir() + "/",
	} {
		p := newProcessRecorder()
		n.do(func() {
			proc, err := n.r.SpawnProcess(p, program, []string{"x"}, reactor.ProcessOptions{})
			e, ok := errors.AsType[*reactor.CannotSpawnError](err)
			if !ok || e.Executable != program || e.Err == nil || proc != nil || len(p.events) > 0 {
				t.Errorf("%s: error %v, transport %v, events %v", name, err, proc, p.events)
			}
		})
	}
	n.do(func() {
		_, err := n.r.SpawnProcess(nil, os.Args[0], nil, reactor.ProcessOptions{})
		if _, ok := errors.AsType[*reactor.NilProtocolError](err); !ok {
			t.Errorf("a nil protocol: %v", err)
		}
		for _, fds := range []map[int]reactor.ChildFD{
			{-1: reactor.ParentReads}, {1 << 20: reactor.ParentReads}, {1: nil}, {1: reactor.PipeEnd(7)}, {1: reactor.InheritFile(nil)},
		} {
			if _, err := n.r.SpawnProcess(newProcessRecorder(), os.Args[0], nil, reactor.ProcessOptions{ChildFDs: fds}); err == nil {
				t.Errorf("ChildFDs %v: no error", fds)
			}
		}
	})
}

func TestR490_Panics(t *testing.T) {
	for _, where := range []string{"ConnectionMade", "ChildConnectionLost", "ProcessExited", "ProcessEnded"} {
		t.Run(where, func(t *testing.T) {
			n := startProcesses(t)
			p := newProcessRecorder()
			fault := func() { panic("fault in " + where) }
			switch where {
			case "ConnectionMade":
				p.onMade = fault
			case "ChildConnectionLost":
				p.onLost = func(int) { fault() }
			case "ProcessExited":
				p.onExit = fault
			case "ProcessEnded":
				p.onEnd = fault
			}
			n.spawn(p, "say x", reactor.ProcessOptions{})
			within(t, p.ended)
			n.turns(1)
			slices.Sort(p.events)
			p.events.want(t, "data 1", "data 2", "ended", "exited", "lost 0", "lost 1", "lost 2", "made")
			times := 1
			if where == "ChildConnectionLost" {
				times = 3
			}
			wantLogged(t, n.log, where+" of processRecorder", times)
		})
	}
}

func TestR490_PanicInDataClosesThePipe(t *testing.T) {
	n := startProcesses(t)
	p := newProcessRecorder()
	p.onData = func(fd int, _ []byte) {
		if fd == 1 {
			panic("fault")
		}
	}
	n.spawn(p, "say x", reactor.ProcessOptions{})
	within(t, p.ended)
	if p.got(2) != "err x" {
		t.Errorf("descriptor 2 brought %q", p.got(2))
	}
	wantLogged(t, n.log, "DataReceived of processRecorder, descriptor 1", 1)
}

func TestR491_BeforeRun(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onEnd = func() { _ = r.Stop() }
	_, err := r.SpawnProcess(p, os.Args[0], nil, reactor.ProcessOptions{Env: childEnv("say x")})
	wantErr(t, err, nil)
	for r.Stats().Queued < 5 { // two pieces of data, two ends and the exit have arrived: the child has ended
		runtime.Gosched()
	}
	p.events.want(t, "made")
	mustRun(t, r)
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
	if p.got(1) != "out x" {
		t.Errorf("got %q", p.got(1))
	}
}

func TestR494_ClosingInAnyOrder(t *testing.T) {
	n := startProcesses(t)
	for _, order := range []string{"0 1 2", "0 2 1", "1 0 2", "1 2 0", "2 0 1", "2 1 0"} {
		p := newProcessRecorder()
		proc := n.spawn(p, "close "+order, reactor.ProcessOptions{})
		n.waitFor("all ends of "+order, func() bool { return len(p.events) == 4 })
		n.do(func() {
			if slices.Contains(p.events, "exited") {
				t.Errorf("%s: %v", order, p.events)
			}
			wantErr(t, proc.SignalProcess("KILL"), nil)
		})
		within(t, p.ended)
	}
}

func TestShutdownLeavesTheChild(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onData = func(int, []byte) { _ = r.Stop() }
	_, err := r.SpawnProcess(p, os.Args[0], nil, reactor.ProcessOptions{Env: childEnv("wait")})
	wantErr(t, err, nil)
	mustRun(t, r)
	wantErr(t, within(t, p.ended), reactor.ErrReactorEnded)
	p.events.want(t, "made", "data 1", "lost 0", "lost 1", "lost 2", "ended")
}

func TestShutdownKillsTheChild(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onData = func(int, []byte) { _ = r.Stop() }
	opts := reactor.ProcessOptions{Env: childEnv("forever"), KillAfter: time.Hour} // SIGTERM is enough
	_, err := r.SpawnProcess(p, os.Args[0], nil, opts)
	wantErr(t, err, nil)
	mustRun(t, r)
	if _, ok := errors.AsType[*reactor.ProcessTerminatedError](within(t, p.ended)); !ok {
		t.Errorf("reason %v", p.exit)
	}
	slices.Sort(p.events)
	p.events.want(t, "data 1", "ended", "exited", "lost 0", "lost 1", "lost 2", "made")
}

func TestShutdownClosesThePipesThatAGrandchildHolds(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onExit = func() { _ = r.Stop() }
	opts := reactor.ProcessOptions{Env: childEnv("leave wait"), KillAfter: time.Hour}
	_, err := r.SpawnProcess(p, os.Args[0], nil, opts)
	wantErr(t, err, nil)
	mustRun(t, r)
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
}

func TestSpawnAfterTheConnectionsWereClosed(t *testing.T) {
	checkChildren(t)
	for _, killAfter := range []time.Duration{0, time.Hour} {
		r, _ := newReactor(t)
		p := newProcessRecorder()
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() {
			_, err := r.SpawnProcess(p, os.Args[0], nil, reactor.ProcessOptions{Env: childEnv("wait"), KillAfter: killAfter})
			wantErr(t, err, nil)
		})
		r.CallWhenRunning(func() { mustStop(t, r) })
		mustRun(t, r)
		within(t, p.ended)
	}
}

func TestCrashKeepsTheChild(t *testing.T) {
	checkChildren(t)
	r, _ := newReactor(t)
	p := newProcessRecorder()
	p.onData = func(int, []byte) { _ = r.Crash() }
	proc, err := r.SpawnProcess(p, os.Args[0], nil, reactor.ProcessOptions{Env: childEnv("wait")})
	wantErr(t, err, nil)
	mustRun(t, r)
	p.events.want(t, "made", "data 1")
	p.onEnd = func() { _ = r.Stop() }
	proc.CloseStdin()
	mustRun(t, r)
	wantErr(t, within(t, p.ended), reactor.ErrProcessDone)
}
