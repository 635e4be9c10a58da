package service_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/service"
	"github.com/hawser-go/hawser/reactor/task"
)

// runMain runs Main in a bubble and returns its exit code and its message.
// begun is called when the services have started.
func runMain(t *testing.T, s service.Service, buildErr error, begun func(r *reactor.Reactor)) (code int, said string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var stderr bytes.Buffer
		r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger(), ShutdownTimeout: 10 * time.Second})
		if begun != nil {
			r.CallWhenRunning(func() { r.CallLater(second, func() { begun(r) }) })
		}
		build := func(_ *reactor.Reactor, args []string) (service.Service, error) {
			if strings.Join(args, " ") != "a b" {
				t.Errorf("args %v", args)
			}
			return s, buildErr
		}
		code = service.Main(r, build, []string{"a", "b"}, &stderr)
		said = stderr.String()
	})
	return code, said
}

func stopReactor(r *reactor.Reactor) { _ = r.Stop() }

func TestMainStopsTheServices(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b")
	mustAdd(t, m, privileged{newPart(&events, "p")})
	var r *reactor.Reactor
	parts[0].onStop = func() deferred.Deferred[none] { return task.DeferLater[none](r, 5*second, nil) }
	code, said := runMain(t, m, nil, func(running *reactor.Reactor) {
		r = running
		r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() { events = append(events, "shutdown") })
		_ = r.Stop()
	})
	if code != 0 || said != "" {
		t.Errorf("code %d, said %q", code, said)
	}
	events.want(t, "privileged p", "start a", "start b", "start p", "stop p", "stop b", "stop a", "shutdown")
}

func TestMainFailures(t *testing.T) {
	fails := func() deferred.Deferred[none] { return deferred.Fail[none](errTest) }
	never := func() deferred.Deferred[none] { return deferred.New[none]() }
	broken := func() error { return errTest }
	for name, tt := range map[string]struct {
		prepare  func(parts []*part)
		buildErr error
		begun    func(r *reactor.Reactor)
		code     int
		said     string
		events   []string
	}{
		"build": {buildErr: errTest, code: 1, said: "service.test: failed as it should\n"},
		"exit":  {buildErr: &task.ExitError{Code: 23}, code: 23},
		"start": {
			prepare: func(p []*part) { p[1].onStart = broken }, code: 1,
			said:   "service.test: service: starting b: failed as it should\n",
			events: []string{"start a", "start b", "stop a"},
		},
		"start and stop": {
			prepare: func(p []*part) { p[1].onStart, p[0].onStop = broken, fails }, code: 1,
			said:   "service.test: service: starting b: failed as it should; service: stopping a: failed as it should\n",
			events: []string{"start a", "start b", "stop a"},
		},
		"start and hang": {
			prepare: func(p []*part) { p[1].onStart, p[0].onStop = broken, never }, begun: stopReactor, code: 1,
			said: "service.test: service: starting b: failed as it should; " +
				"service: not stopped before the shutdown timeout: a; see reactor.Options.ShutdownTimeout\n",
			events: []string{"start a", "start b", "stop a"},
		},
		"stop": {
			prepare: func(p []*part) { p[1].onStop = fails }, begun: stopReactor, code: 1,
			said:   "service.test: service: stopping b: failed as it should\n",
			events: []string{"start a", "start b", "stop b", "stop a"},
		},
		"hang": { // the others are stopped all the same
			prepare: func(p []*part) { p[1].onStop = never }, begun: stopReactor, code: 1,
			said:   "service.test: service: not stopped before the shutdown timeout: b; see reactor.Options.ShutdownTimeout\n",
			events: []string{"start a", "start b", "stop b", "stop a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var events notes
			m, parts := family(t, &events, "a", "b")
			if tt.prepare != nil {
				tt.prepare(parts)
			}
			code, said := runMain(t, m, tt.buildErr, tt.begun)
			if code != tt.code || said != tt.said {
				t.Errorf("code %d, said %q", code, said)
			}
			events.want(t, tt.events...)
		})
	}
	if code, said := runMain(t, nil, nil, nil); code != 1 || !strings.Contains(said, "nil service") {
		t.Errorf("code %d, said %q", code, said)
	}
}

// A single service works as well as a MultiService.
func TestMainWithOneService(t *testing.T) {
	var events notes
	p := newPart(&events, "a")
	if code, said := runMain(t, p, nil, stopReactor); code != 0 || said != "" {
		t.Errorf("code %d, said %q", code, said)
	}
	events.want(t, "start a", "stop a")
	p.onStart = func() error { panic("no such table") }
	code, said := runMain(t, p, nil, nil)
	if code != 1 || !strings.HasPrefix(said, "service.test: service: starting a: ") || !strings.Contains(said, "goroutine ") {
		t.Errorf("code %d, said %q", code, said)
	}
	events.want(t, "start a")
}

// TestRunAsAProgram runs this test binary again, as a program that waits for a
// signal.
func TestRunAsAProgram(t *testing.T) {
	const variable = "HAWSER_TEST_SERVICE"
	if kind := os.Getenv(variable); kind != "" {
		runProgram(kind)
	}
	for name, tt := range map[string]struct {
		kind    string
		signals []syscall.Signal
		want    string
		said    string
	}{
		"SIGINT":      {"clean", []syscall.Signal{syscall.SIGINT}, "exit status 0", "started stopped"},
		"SIGTERM":     {"clean", []syscall.Signal{syscall.SIGTERM}, "exit status 0", "started stopped"},
		"two signals": {"hang", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, "signal: terminated", "started stopping "},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRunAsAProgram$")
		cmd.Env = append(os.Environ(), variable+"="+tt.kind)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		var said strings.Builder
		buf := make([]byte, 100)
		for _, s := range tt.signals { // each after a word of the program
			n, err := out.Read(buf)
			if err != nil {
				t.Fatalf("%s: %v after %q", name, err, said.String())
			}
			said.Write(buf[:n])
			_ = cmd.Process.Signal(s)
		}
		for n, err := out.Read(buf); err == nil; n, err = out.Read(buf) {
			said.Write(buf[:n])
		}
		_ = cmd.Wait() // the state tells
		guard.Stop()
		if got := cmd.ProcessState.String(); got != tt.want || said.String() != tt.said {
			t.Errorf("%s: %s, said %q", name, got, said.String())
		}
	}
}

// runProgram is the program of TestRunAsAProgram.
func runProgram(kind string) {
	service.Run(func(*reactor.Reactor, []string) (service.Service, error) {
		say := func(text string) { _, _ = os.Stdout.WriteString(text) }
		p := newPart(new(notes), "p")
		p.onStart = func() error {
			say("started ")
			return nil
		}
		p.onStop = func() deferred.Deferred[none] {
			if kind == "hang" {
				say("stopping ")
				return deferred.New[none]()
			}
			say("stopped")
			return deferred.Succeed(none{})
		}
		return p, nil
	})
}

func TestErrorsMatchTheirCause(t *testing.T) {
	if err := (&service.Error{Op: "starting", Name: "x", Err: errTest}); !errors.Is(err, errTest) {
		t.Errorf("%v", err)
	}
}
