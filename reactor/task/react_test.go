package task_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

// runMain runs a main function and returns its exit code and what it had to
// say.
func runMain(t *testing.T, main func(r *reactor.Reactor, args []string) deferred.Deferred[none]) (code int, said string) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	var stderr bytes.Buffer
	r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger()})
	return task.Main(r, main, []string{"a", "b"}, &stderr), stderr.String()
}

func TestR167_R168_R171_Success(t *testing.T) {
	for _, later := range []bool{false, true} {
		code, said := runMain(t, func(r *reactor.Reactor, args []string) deferred.Deferred[none] {
			if strings.Join(args, " ") != "a b" || !r.Running() {
				t.Errorf("args %v, running %v", args, r.Running())
			}
			if later {
				return task.DeferLater[none](r, time.Millisecond, nil)
			}
			return deferred.Succeed(none{})
		})
		if code != 0 || said != "" {
			t.Errorf("code %d, said %q", code, said)
		}
	}
}

func TestR169_R174_Failures(t *testing.T) {
	for name, main := range map[string]func(r *reactor.Reactor, args []string) deferred.Deferred[none]{
		"now":   func(*reactor.Reactor, []string) deferred.Deferred[none] { return deferred.Fail[none](errTest) },
		"panic": func(*reactor.Reactor, []string) deferred.Deferred[none] { panic(errTest) },
		"later": func(r *reactor.Reactor, _ []string) deferred.Deferred[none] {
			return task.DeferLater(r, time.Millisecond, func() (none, error) { return none{}, errTest })
		},
	} {
		code, said := runMain(t, main)
		if code != 1 || strings.Count(said, errTest.Error()) != 1 || !strings.HasPrefix(said, "task.test: ") {
			t.Errorf("%s: code %d, said %q", name, code, said)
		}
	}
	code, said := runMain(t, func(*reactor.Reactor, []string) (zero deferred.Deferred[none]) { return zero })
	if code != 1 || !strings.Contains(said, "zero Deferred") {
		t.Errorf("code %d, said %q", code, said)
	}
}

func TestR170_ExitError(t *testing.T) {
	code, said := runMain(t, func(*reactor.Reactor, []string) deferred.Deferred[none] {
		return deferred.Fail[none](&task.ExitError{Code: 23})
	})
	if code != 23 || said != "" {
		t.Errorf("code %d, said %q", code, said)
	}
}

func TestR172_R173_StoppedBySomeoneElse(t *testing.T) {
	during := func(end func(d deferred.Deferred[none])) func(*reactor.Reactor, []string) deferred.Deferred[none] {
		return func(r *reactor.Reactor, _ []string) deferred.Deferred[none] {
			d := deferred.New[none]()
			r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() { end(d) })
			r.CallLater(0, func() { _ = r.Stop() })
			return d
		}
	}
	for name, row := range map[string]struct {
		end  func(d deferred.Deferred[none])
		want int
	}{
		"R172 fails during shutdown":    {func(d deferred.Deferred[none]) { d.Errback(errTest) }, 1},
		"R172 succeeds during shutdown": {func(d deferred.Deferred[none]) { d.Callback(none{}) }, 0},
		"R173 never fires":              {func(deferred.Deferred[none]) {}, 0},
	} {
		if code, said := runMain(t, during(row.end)); code != row.want {
			t.Errorf("%s: code %d, said %q", name, code, said)
		}
	}
	code, _ := runMain(t, func(r *reactor.Reactor, _ []string) deferred.Deferred[none] {
		_ = r.Stop()
		return deferred.Succeed(none{})
	})
	if code != 0 {
		t.Errorf("R173: code %d", code)
	}
}

// TestR167_ReactAsAProgram runs this test binary again, as a program that
// fails, and as one that waits for a signal.
func TestR167_ReactAsAProgram(t *testing.T) {
	switch os.Getenv("HAWSER_TEST_REACT") {
	case "fail":
		task.React(func(*reactor.Reactor, []string) deferred.Deferred[none] { return deferred.Fail[none](errTest) })
	case "wait":
		task.React(func(r *reactor.Reactor, _ []string) deferred.Deferred[none] {
			_, _ = os.Stdout.WriteString("ready")
			r.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() { _, _ = os.Stdout.WriteString("cleaned up") })
			return deferred.New[none]()
		})
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestR167_ReactAsAProgram")
	cmd.Env = append(os.Environ(), "HAWSER_TEST_REACT=fail")
	said, _ := cmd.CombinedOutput() // the code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 1 || string(said) != "task.test: "+errTest.Error()+"\n" {
		t.Errorf("code %d, said %q", code, said)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.Command(os.Args[0], "-test.run=TestR167_ReactAsAProgram")
		cmd.Env = append(os.Environ(), "HAWSER_TEST_REACT=wait")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		buf := make([]byte, 100)
		if _, err := out.Read(buf); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Process.Signal(sig)
		n, _ := out.Read(buf)
		_ = cmd.Wait() // the code tells
		guard.Stop()
		if code := cmd.ProcessState.ExitCode(); code != 128+int(sig) || string(buf[:n]) != "cleaned up" {
			t.Errorf("%v: code %d, said %q", sig, code, buf[:n])
		}
	}
}
