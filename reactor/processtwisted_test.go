//go:build unix

package reactor_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/twistedtest"
)

var updateProcesses = flag.Bool("update-processes", false, "record the events of child processes on Twisted anew")

const (
	processRecord = "testdata/process_traces.json"
)

// processCase is a program, and what its protocol does on events.
type processCase struct {
	Name  string            `json:"name"`
	Args  []string          `json:"args"`
	Env   []string          `json:"env"`
	FDs   map[string]string `json:"fds"` // "r" or "w" by the child's descriptor; nil: the default
	PTY   bool              `json:"pty"`
	Steps []processStep     `json:"steps"`

	// Ordered is the number of events whose order is certain. The others, but
	// the last, may come in any order.
	Ordered int `json:"ordered"`
}

// processStep is an action on the first event On: "made", "lost 1", "exited",
// "ended", or "data " and a text that has been received.
type processStep struct {
	On  string `json:"on"`
	Do  string `json:"do"`
	FD  int    `json:"fd"`
	Arg string `json:"arg"`
}

// processTrace is what a process did: its events, its output, and the errors of
// the steps.
type processTrace struct {
	Events []string          `json:"events"`
	Data   map[string]string `json:"data"`
	Errors []string          `json:"errors"`
}

// normal returns the trace with the events in a certain order, and the checksum
// of output that is long.
func (tr processTrace) normal(c processCase) processTrace {
	tr.Events = slices.Clone(tr.Events)
	if last := len(tr.Events) - 1; c.Ordered < last {
		slices.Sort(tr.Events[c.Ordered:last])
	}
	data := make(map[string]string)
	for fd, text := range tr.Data {
		if len(text) > 1000 {
			text = fmt.Sprintf("%d bytes, %x", len(text), sha256.Sum256([]byte(text)))
		}
		data[fd] = text
	}
	tr.Data = data
	if tr.Errors == nil {
		tr.Errors = []string{}
	}
	return tr
}

func shellCase(name, script string, steps ...processStep) processCase {
	return processCase{Name: name, Args: []string{"/bin/sh", "-c", script}, Steps: steps, Ordered: 1}
}

func on(event, do string, arg ...any) processStep {
	step := processStep{On: event, Do: do}
	for _, a := range arg {
		switch a := a.(type) {
		case int:
			step.FD = a
		case string:
			step.Arg = a
		}
	}
	return step
}

// all says that the order of all events is certain.
const all = 1000

func (c processCase) ordered(n int) processCase {
	c.Ordered = n
	return c
}

func (c processCase) with(fds map[string]string) processCase {
	c.FDs = fds
	return c
}

func (c processCase) onTerminal() processCase {
	c.PTY = true
	c.Ordered = all
	return c
}

func processCases() []processCase {
	cases := []processCase{
		shellCase("exit 0", "exit 0"),
		shellCase("exit 3", "exit 3"),
		shellCase("exit 255", "exit 255"),
		shellCase("ended by SIGKILL", "kill -KILL $$"),
		shellCase("ended by SIGTERM", "kill -TERM $$"),
		shellCase("ended by SIGPIPE", "kill -PIPE $$"),
		shellCase("both outputs", "echo out; echo err >&2; exit 1"),
		shellCase("large outputs", "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789; "+
			"echo 01234567890123456789 >&2; i=$((i+1)); done"),
		shellCase("input is copied", "cat", on("made", "write", "hello "), on("made", "write", "world"), on("made", "closeStdin")),
		shellCase("input as an answer", "echo ask; read x; echo \"<$x>\"", on("data ask", "write", "yes\n")),
		shellCase("input that nobody reads", "exec 0<&-; read x <&3; echo closed; exec sleep 100", on("lost 0", "write", "dropped"),
			on("lost 0", "writeToChild", 0, "no"), on("lost 0", "writeToChild", 3, "\n"), on("data closed", "signal", "KILL")).
			with(map[string]string{"0": "w", "1": "r", "2": "r", "3": "w"}).ordered(2),
		shellCase("descriptors 3 and 4", "cat <&3 >&4", on("made", "writeToChild", 3, "in"), on("made", "closeChildFD", 3)).
			with(map[string]string{"3": "w", "4": "r"}),
		shellCase("only an output", "echo out; echo err >&2", on("made", "write", "dropped"), on("made", "closeStdin")).
			with(map[string]string{"1": "r"}),
		shellCase("an input at an unusual descriptor", "read x <&0; read y <&5; echo $x$y",
			on("made", "writeToChild", 5, "b\n"), on("made", "write", "a\n")).with(map[string]string{"0": "w", "1": "r", "5": "w"}),
		shellCase("writing to descriptors that are not there", "read x", on("made", "writeToChild", 7, "no"),
			on("made", "closeChildFD", 7), on("made", "closeStdin"), on("made", "closeStdin")),
		shellCase("a grandchild holds the pipes", "exec 3<&0; cat <&3 & exit 5",
			on("exited", "write", "late"), on("exited", "closeStdin")).ordered(2),
		shellCase("a grandchild holds the output", "exec 3<&0; exec 0<&-; (read x <&3; echo $x) 2>&- & exec 3<&-; exit 0",
			on("exited", "write", "late\n")).ordered(1),
		shellCase("the parent closes one after another", "trap '' PIPE; read x; exit 4", on("made", "closeChildFD", 1),
			on("lost 1", "closeChildFD", 2), on("lost 2", "closeChildFD", 0)).ordered(3),
		shellCase("loseConnection", "read x; exit 4", on("made", "loseConnection")),
		shellCase("signal after the exit", "exit 0", on("exited", "signal", "TERM"), on("ended", "signal", "KILL"),
			on("ended", "write", "dropped"), on("ended", "closeStdin"), on("ended", "loseConnection")),
		shellCase("paused until the exit", "echo out; echo err >&2", on("made", "pause"), on("exited", "resume")),
		shellCase("paused and resumed", "echo a; read x; echo b", on("data a", "pause"), on("data a", "resume"), on("data a", "write", "\n")),
		{Name: "environment", Args: []string{"/usr/bin/env"}, Env: []string{"B=2", "A=1"}, Ordered: 1},
		{Name: "no environment", Args: []string{"/usr/bin/env"}, Ordered: 1},
		{Name: "arguments", Args: []string{"/usr/bin/printf", "<%s>", "", "a b", "*", "$x", "\\", "'", "\""}, Ordered: 1},

		shellCase("terminal", "echo hi; read x; echo \"<$x>\"; echo err >&2; exit 3", on("data hi", "write", "line\n")).onTerminal(),
		shellCase("terminal hangs up", "echo ready; exec sleep 100", on("data ready", "loseConnection")).onTerminal(),
		shellCase("terminal has no numbered descriptors", "echo ready; read x", on("made", "writeToChild", 1, "no"),
			on("made", "closeChildFD", 1), on("made", "closeStdin"), on("made", "closeStdout"), on("data ready", "write", "x\n")).onTerminal(),
		shellCase("interrupt character", "echo ready; exec sleep 100", on("data ready", "write", "\x03")).onTerminal(),
		shellCase("end of file character", "echo ready; cat; echo end", on("data ready", "write", "text\n\x04")).onTerminal(),
	}
	for _, name := range []string{"KILL", "TERM", "INT", "HUP"} {
		cases = append(cases, shellCase("signal "+name, "echo ready; exec sleep 100", on("data ready", "signal", name)))
	}
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		cases = append(cases, closingCase(order))
	}
	return cases
}

// closingCase is a child that closes its descriptors in an order. It waits at
// descriptor 3 until each end is noticed.
func closingCase(order [3]int) processCase {
	var script strings.Builder
	for _, fd := range order {
		fmt.Fprintf(&script, "exec %d>&-; read x <&3; ", fd)
	}
	c := shellCase(fmt.Sprint("the child closes ", order), script.String()+"exit 6")
	for _, fd := range order {
		c.Steps = append(c.Steps, on(fmt.Sprint("lost ", fd), "writeToChild", 3, "\n"))
	}
	return c.with(map[string]string{"0": "w", "1": "r", "2": "r", "3": "w"}).ordered(4)
}

// caseRecorder does the steps of a case and notes the events, as the driver on
// Twisted does.
type caseRecorder struct {
	reactor.BaseProcessProtocol
	trace processTrace
	steps []processStep
	done  chan processTrace
}

func (p *caseRecorder) add(event string) {
	p.trace.Events = append(p.trace.Events, event)
	p.act(func(on string) bool { return on == event })
}

func (p *caseRecorder) act(matches func(on string) bool) {
	var ready []processStep
	p.steps = slices.DeleteFunc(p.steps, func(s processStep) bool {
		if !matches(s.On) {
			return false
		}
		ready = append(ready, s)
		return true
	})
	for _, s := range ready {
		if err := p.do(s); err != nil {
			p.trace.Errors = append(p.trace.Errors, s.Do+": "+errorName(err))
		}
	}
}

func errorName(err error) string {
	for target, name := range map[error]string{
		reactor.ErrProcessExitedAlready: "exited already", reactor.ErrNoChildFD: "no such descriptor", errors.ErrUnsupported: "not supported",
	} {
		if errors.Is(err, target) {
			return name
		}
	}
	return err.Error()
}

func (p *caseRecorder) do(s processStep) error {
	t := p.Transport()
	switch s.Do {
	case "write":
		t.Write([]byte(s.Arg))
	case "writeToChild":
		return t.WriteToChild(s.FD, []byte(s.Arg))
	case "closeChildFD":
		return t.CloseChildFD(s.FD)
	case "closeStdin":
		t.CloseStdin()
	case "closeStdout":
		t.CloseStdout()
	case "loseConnection":
		t.LoseConnection()
	case "signal":
		return t.SignalProcess(s.Arg)
	case "pause":
		t.PauseProducing()
	case "resume":
		t.ResumeProducing()
	}
	return nil
}

func (p *caseRecorder) ConnectionMade() { p.add("made") }

func (p *caseRecorder) ChildDataReceived(fd int, data []byte) {
	key := fmt.Sprint(fd)
	p.trace.Data[key] += string(data)
	p.act(func(on string) bool {
		text, ok := strings.CutPrefix(on, "data ")
		return ok && strings.Contains(p.trace.Data[key], text)
	})
}

func (p *caseRecorder) ChildConnectionLost(fd int) { p.add(fmt.Sprint("lost ", fd)) }

func (p *caseRecorder) ProcessExited(reason error) { p.finish("exited", reason) }

func (p *caseRecorder) ProcessEnded(reason error) {
	p.finish("ended", reason)
	p.done <- p.trace
}

// finish adds an event, and the reason after the steps were done.
func (p *caseRecorder) finish(event string, reason error) {
	at := len(p.trace.Events)
	p.add(event)
	p.trace.Events[at] = event + " " + outcome(reason)
}

func outcome(reason error) string {
	e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
	switch {
	case reason == reactor.ErrProcessDone:
		return "done"
	case !ok:
		return reason.Error()
	case e.Signal != 0:
		return fmt.Sprint("signal ", int(e.Signal))
	}
	return fmt.Sprint("code ", e.ExitCode)
}

// TestProcessesAgainstTwisted runs child processes here and on Twisted, and
// compares the events: R471 to R488, R494 and R496. Without Twisted, the events
// recorded from it are compared with.
func TestProcessesAgainstTwisted(t *testing.T) {
	cases := processCases()
	want := twistedProcesses(t, cases)
	n := startProcesses(t)
	for i, c := range cases {
		got := n.trace(c).normal(c)
		if want := want[i]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s differs:\nhere    %.500q\nTwisted %.500q", c.Name, got, want)
		}
	}
}

// trace runs a case here.
func (t *netTest) trace(c processCase) processTrace {
	t.Helper()
	p := &caseRecorder{steps: c.Steps, done: make(chan processTrace, 1)}
	p.trace = processTrace{Data: map[string]string{}, Errors: []string{}}
	opts := reactor.ProcessOptions{Env: c.Env, UsePTY: c.PTY}
	for fd, end := range c.FDs {
		if opts.ChildFDs == nil {
			opts.ChildFDs = make(map[int]reactor.ChildFD)
		}
		var number int
		_, _ = fmt.Sscan(fd, &number)
		opts.ChildFDs[number] = map[string]reactor.PipeEnd{"r": reactor.ParentReads, "w": reactor.ParentWrites}[end]
	}
	t.start(p, c.Args[0], c.Args, opts)
	return within(t.T, p.done)
}

// twistedProcesses returns the events on Twisted: those of now, which must be
// the recorded ones, or the recorded ones where Twisted is not installed.
func twistedProcesses(t *testing.T, cases []processCase) []processTrace {
	t.Helper()
	recorded := readProcessRecord(t, cases)
	if !twistedtest.Installed(t) {
		t.Logf("%s has no Twisted: comparing with %s", twistedtest.Python, processRecord)
		return recorded
	}
	input, err := json.Marshal(cases)
	wantErr(t, err, nil)
	cmd := exec.CommandContext(t.Context(), twistedtest.Python, "testdata/process_driver.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var traces []processTrace
	if err := json.Unmarshal(output, &traces); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		traces[i] = traces[i].normal(c)
	}
	if *updateProcesses {
		writeProcessRecord(t, cases, traces)
		return traces
	}
	for i, c := range cases {
		if got, want := recorded[i], traces[i]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the recording differs from Twisted; renew it with -update-processes:\nrecorded %.500q\nTwisted  %.500q",
				c.Name, got, want)
		}
	}
	return traces
}

// recordedProcess is an entry of the recording.
type recordedProcess struct {
	Case  processCase  `json:"case"`
	Trace processTrace `json:"trace"`
}

func readProcessRecord(t *testing.T, cases []processCase) (traces []processTrace) {
	t.Helper()
	if *updateProcesses {
		return nil
	}
	data, err := os.ReadFile(processRecord)
	if err != nil {
		t.Fatal(err)
	}
	var record []recordedProcess
	if err := json.Unmarshal(data, &record); err != nil {
		t.Fatal(err)
	}
	for i, r := range record {
		if i >= len(cases) || !reflect.DeepEqual(r.Case, cases[i]) {
			t.Fatalf("%s was recorded from other cases; run the test with -update-processes where Twisted is installed", processRecord)
		}
		traces = append(traces, r.Trace)
	}
	if len(traces) != len(cases) {
		t.Fatalf("%s has %d of %d cases", processRecord, len(traces), len(cases))
	}
	return traces
}

func writeProcessRecord(t *testing.T, cases []processCase, traces []processTrace) {
	t.Helper()
	record := make([]recordedProcess, len(cases))
	for i, c := range cases {
		record[i] = recordedProcess{c, traces[i]}
	}
	data, err := json.MarshalIndent(record, "", " ")
	wantErr(t, err, nil)
	wantErr(t, os.WriteFile(processRecord, append(data, '\n'), 0o644), nil)
}
