package reactortest_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// processNotes notes the events of a process.
type processNotes struct {
	reactor.BaseProcessProtocol
	events []string
}

func (p *processNotes) add(format string, args ...any) {
	p.events = append(p.events, fmt.Sprintf(format, args...))
}

func (p *processNotes) ConnectionMade()            { p.add("made") }
func (p *processNotes) OutReceived(data []byte)    { p.add("out %s", data) }
func (p *processNotes) ErrReceived(data []byte)    { p.add("err %s", data) }
func (p *processNotes) ChildConnectionLost(fd int) { p.add("lost %d", fd) }
func (p *processNotes) ProcessExited(reason error) { p.add("exited %v", reason) }
func (p *processNotes) ProcessEnded(reason error)  { p.add("ended %v", reason) }

func (p *processNotes) want(t *testing.T, want ...string) {
	t.Helper()
	if got := fmt.Sprintf("%q", p.events); got != fmt.Sprintf("%q", want) {
		t.Errorf("got  %s\nwant %q", got, want)
	}
}

func TestFakeProcess(t *testing.T) {
	p := new(processNotes)
	f := reactortest.ConnectProcess(p, reactor.ProcessOptions{})
	if f.PID() == 0 || p.Transport() != f {
		t.Errorf("pid %d, transport %v", f.PID(), p.Transport())
	}
	f.WriteSequence([][]byte{[]byte("a"), []byte("b")})
	if err := f.WriteToChild(1, nil); !errors.Is(err, reactor.ErrNoChildFD) {
		t.Errorf("writing to the output: %v", err)
	}
	f.Receive(1, "x")
	f.Receive(2, "y")
	f.CloseStderr()
	f.CloseStderr()
	_ = f.Signal(os.Interrupt)
	_ = f.SignalProcess("TERM")
	f.PauseProducing()
	if got := fmt.Sprintf("%s %v %v %v", f.Written[0], f.Closed, f.Signals, f.State); got != "ab [2] [interrupt TERM] paused" {
		t.Error(got)
	}
	f.Exit(3)
	if err := f.Signal(os.Kill); err != reactor.ErrProcessExitedAlready || f.PID() != 0 {
		t.Errorf("after the exit: %v, pid %d", err, f.PID())
	}
	f.LoseFD(1)
	f.LoseFD(1)
	f.End(0) // ends the rest; the exit code was set
	reason := "reactor: the process ended with exit code 3"
	p.want(t, "made", "out x", "err y", "exited "+reason, "lost 1", "lost 0", "lost 2", "ended "+reason)
	f.Write([]byte("dropped"))
	if got := string(f.Written[0]); got != "ab" {
		t.Errorf("written %q", got)
	}
}

// idleProducer counts the calls of StopProducing.
type idleProducer struct{ stopped int }

func (p *idleProducer) ResumeProducing() {}
func (p *idleProducer) StopProducing()   { p.stopped++ }

func TestFakeProcessProducers(t *testing.T) {
	f := reactortest.ConnectProcess(new(processNotes), reactor.ProcessOptions{})
	first, second := new(idleProducer), new(idleProducer)
	if err := f.RegisterProducer(first, true); err != reactor.ErrNotPushProducer {
		t.Errorf("streaming: %v", err)
	}
	if err := f.RegisterProducer(first, false); err != nil || f.Producer != first {
		t.Errorf("registered %v: %v", f.Producer, err)
	}
	if err := f.RegisterProducer(second, false); err != reactor.ErrProducerRegistered {
		t.Errorf("a second one: %v", err)
	}
	f.LoseFD(0)
	if err := f.RegisterProducer(second, false); err != nil || first.stopped != 1 || second.stopped != 1 {
		t.Errorf("%v; stopped %d and %d times", err, first.stopped, second.stopped)
	}
}

func TestFakeProcessWithATerminal(t *testing.T) {
	p := new(processNotes)
	f := reactortest.ConnectProcess(p, reactor.ProcessOptions{UsePTY: true})
	f.Write([]byte("a"))
	if err := f.SetWindowSize(reactor.WindowSize{Rows: 1}); err != nil || f.Size.Rows != 1 || string(f.Written[1]) != "a" {
		t.Errorf("%v, size %v, written %q", err, f.Size, f.Written[1])
	}
	if f.WriteToChild(1, nil) != errors.ErrUnsupported || f.CloseChildFD(1) != errors.ErrUnsupported {
		t.Error("numbered descriptors")
	}
	if err := f.SendBreak(); err != nil || f.Breaks != 1 {
		t.Errorf("%v, %d breaks", err, f.Breaks)
	}
	f.StopProducing()
	f.AbortConnection()
	f.DropConnection()
	f.ExitBySignal(1)
	if !f.Lost || !f.Aborted || !f.Dropped || len(p.events) != 3 {
		t.Errorf("lost %v, aborted %v, events %q", f.Lost, f.Aborted, p.events)
	}
	if f.SetWindowSize(reactor.WindowSize{}) != errors.ErrUnsupported || f.SendBreak() != errors.ErrUnsupported {
		t.Error("the size of a terminal that is closed, or a break")
	}
}

func TestMemoryReactorSpawns(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	p := new(processNotes)
	proc, err := m.SpawnProcess(p, "program", []string{"a"}, reactor.ProcessOptions{Dir: "/"})
	if f := m.Processes[0]; err != nil || proc != f || f.Executable != "program" || f.Args[0] != "a" || f.Options.Dir != "/" {
		t.Errorf("recorded %+v, %v", f, err)
	}
	p.want(t, "made")
	m.Err = os.ErrPermission
	if _, err := m.SpawnProcess(p, "program", nil, reactor.ProcessOptions{}); err != os.ErrPermission {
		t.Errorf("error %v", err)
	}
}
