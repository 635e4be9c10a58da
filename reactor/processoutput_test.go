package reactor_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// outputOptions are the options of a child that does a job, see childJobs.
func outputOptions(job string) reactor.OutputOptions {
	return reactor.OutputOptions{ProcessOptions: reactor.ProcessOptions{Env: childEnv(job)}}
}

// await runs f on the loop and returns the result of its Deferred.
func await[T any](t *netTest, f func() deferred.Deferred[T]) (T, error) {
	t.Helper()
	return reactor.Await(t.Context(), t.r, f)
}

func TestR498_GetProcessOutput(t *testing.T) {
	n := startProcesses(t)
	out, err := await(n, func() deferred.Deferred[[]byte] {
		return reactor.GetProcessOutput(n.r, os.Args[0], []string{"one", "two"}, outputOptions("args"))
	})
	if want := fmt.Sprintf("[%q \"one\" \"two\"]", os.Args[0]); err != nil || string(out) != want {
		t.Errorf("got %s, %v; want %s", out, err, want)
	}
	opts := outputOptions("say x")
	opts.ErrorToo = true
	out, err = await(n, func() deferred.Deferred[[]byte] { return reactor.GetProcessOutput(n.r, os.Args[0], nil, opts) })
	if got := string(out); err != nil || !strings.Contains(got, "out x") || !strings.Contains(got, "err x") || len(got) != 10 {
		t.Errorf("with ErrorToo: %q, %v", out, err)
	}
	opts = outputOptions("exit 7")
	if out, err := await(n, func() deferred.Deferred[[]byte] { return reactor.GetProcessOutput(n.r, os.Args[0], nil, opts) }); err != nil || len(out) != 0 {
		t.Errorf("the exit code matters: %q, %v", out, err)
	}
}

func TestR498_UnexpectedStderr(t *testing.T) {
	n := startProcesses(t)
	_, err := await(n, func() deferred.Deferred[[]byte] {
		return reactor.GetProcessOutput(n.r, os.Args[0], nil, outputOptions("say x"))
	})
	e, ok := errors.AsType[*reactor.UnexpectedStderrError](err)
	if !ok || string(e.Stderr) != "err x" || !strings.Contains(err.Error(), "err x") {
		t.Fatalf("failure %v", err)
	}
	reason, err := await(n, func() deferred.Deferred[error] { return e.Ended })
	if err != nil || !errors.Is(reason, reactor.ErrConnectionClosed) {
		t.Errorf("ended with %v, %v", reason, err)
	}
}

func TestR499_GetProcessValue(t *testing.T) {
	n := startProcesses(t)
	for _, code := range []int{0, 1, 42} {
		got, err := await(n, func() deferred.Deferred[int] {
			return reactor.GetProcessValue(n.r, os.Args[0], nil, outputOptions(fmt.Sprint("exit ", code)))
		})
		if got != code || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, code)
		}
	}
	opts := outputOptions("both 100000")
	opts.MaxOutput = 1
	if code, err := await(n, func() deferred.Deferred[int] { return reactor.GetProcessValue(n.r, os.Args[0], nil, opts) }); code != 0 || err != nil {
		t.Errorf("output is not dropped: %d, %v", code, err)
	}
}

func TestR500_GetProcessOutputAndValue(t *testing.T) {
	n := startProcesses(t)
	opts := outputOptions("cat")
	opts.Input = make([]byte, 3<<20)
	got, err := await(n, func() deferred.Deferred[reactor.ProcessOutput] {
		return reactor.GetProcessOutputAndValue(n.r, os.Args[0], nil, opts)
	})
	if err != nil || len(got.Out) != len(opts.Input) || len(got.Err) != 0 || got.Code != 0 {
		t.Errorf("got %d bytes, %q, code %d, %v", len(got.Out), got.Err, got.Code, err)
	}
	got, err = await(n, func() deferred.Deferred[reactor.ProcessOutput] {
		return reactor.GetProcessOutputAndValue(n.r, os.Args[0], nil, outputOptions("say x"))
	})
	if err != nil || string(got.Out) != "out x" || string(got.Err) != "err x" {
		t.Errorf("got %q, %q, %v", got.Out, got.Err, err)
	}
}

func TestOutputLimit(t *testing.T) {
	n := startProcesses(t)
	opts := outputOptions("both 1000000")
	opts.MaxOutput = 1999999
	_, err := await(n, func() deferred.Deferred[reactor.ProcessOutput] {
		return reactor.GetProcessOutputAndValue(n.r, os.Args[0], nil, opts)
	})
	wantErr(t, err, reactor.ErrOutputTooLong)
	opts = outputOptions("both 102400")
	opts.MaxOutput = 2 * 102400
	_, err = await(n, func() deferred.Deferred[reactor.ProcessOutput] {
		return reactor.GetProcessOutputAndValue(n.r, os.Args[0], nil, opts)
	})
	wantErr(t, err, nil)
}

func TestCancelKillsTheProcess(t *testing.T) {
	n := startProcesses(t) // checks that no child is left
	var d deferred.Deferred[[]byte]
	n.do(func() {
		d = reactor.GetProcessOutput(n.r, os.Args[0], nil, outputOptions("leave wait"))
		d.OnError(func(err error) { wantErr(t, err, deferred.ErrCancelled) })
		d.Cancel()
	})
	var f deferred.Deferred[int]
	n.do(func() {
		f = reactor.GetProcessValue(n.r, os.Args[0], nil, outputOptions("forever"))
		f.OnError(func(err error) { wantErr(t, err, deferred.ErrCancelled) })
		f.Cancel()
	})
}

func TestOutputFailures(t *testing.T) {
	n := startProcesses(t)
	spawnError := func(err error) {
		t.Helper()
		if _, ok := errors.AsType[*reactor.CannotSpawnError](err); !ok {
			t.Errorf("failure %v", err)
		}
	}
	_, err := await(n, func() deferred.Deferred[[]byte] {
		return reactor.GetProcessOutput(n.r, "/nonexistent/program", nil, reactor.OutputOptions{})
	})
	spawnError(err)
	_, err = await(n, func() deferred.Deferred[int] {
		return reactor.GetProcessValue(n.r, os.Args[0], nil, reactor.OutputOptions{ProcessOptions: reactor.ProcessOptions{UsePTY: true}})
	})
	spawnError(err)
}

func TestR500_WithAFakeProcess(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	d := reactor.GetProcessOutputAndValue(m, "program", []string{"a"}, reactor.OutputOptions{Input: []byte("in")})
	p := m.Processes[0]
	if fmt.Sprint(p.Args) != "[program a]" || string(p.Written[0]) != "in" || fmt.Sprint(p.Closed) != "[0]" {
		t.Errorf("args %q, written %q, closed %v", p.Args, p.Written[0], p.Closed)
	}
	p.Receive(1, "out")
	p.Receive(2, "err")
	p.Receive(3, "dropped")
	p.End(5)
	if got := deferredtest.SuccessResultOf(t, d); string(got.Out) != "out" || string(got.Err) != "err" || got.Code != 5 {
		t.Errorf("got %q, %q, %d", got.Out, got.Err, got.Code)
	}

	d = reactor.GetProcessOutputAndValue(m, "program", nil, reactor.OutputOptions{})
	m.Processes[1].Receive(1, "out")
	m.Processes[1].ExitBySignal(9)
	for fd := range 3 {
		m.Processes[1].LoseFD(fd)
	}
	err := deferredtest.FailureResultOf(t, d)
	e, ok := errors.AsType[*reactor.ProcessSignalError](err)
	if !ok || string(e.Out) != "out" || e.Signal != 9 {
		t.Errorf("failure %#v", err)
	}
	if _, ok := errors.AsType[*reactor.ProcessTerminatedError](err); !ok {
		t.Errorf("failure %v", err)
	}

	value := reactor.GetProcessValue(m, "program", nil, reactor.OutputOptions{})
	m.Processes[2].ExitBySignal(9)
	for fd := range 3 {
		m.Processes[2].LoseFD(fd)
	}
	if _, ok := errors.AsType[*reactor.ProcessTerminatedError](deferredtest.FailureResultOf(t, value)); !ok {
		t.Error("GetProcessValue of a process that a signal ended")
	}
}
