//go:build unix

package reactor_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func sendSelf(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Error(err)
	}
}

func TestR44_R46_R48_SignalsStop(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			reactortest.CheckGoroutines(t)
			log := reactortest.NewLog(t)
			r := reactor.New(reactor.Options{Logger: log.Logger()})
			if r.StopSignal() != nil {
				t.Error("a signal before Run")
			}
			// "After startup" is the first moment at which the signal is sure
			// to be caught.
			r.AddSystemEventTrigger(reactor.After, reactor.Startup, func() { sendSelf(t, s) })
			mustRun(t, r)
			if r.StopSignal() != s {
				t.Errorf("stopped by %v", r.StopSignal())
			}
		})
	}
}

func TestR45_R47_NoSignals(t *testing.T) {
	own := make(chan os.Signal, 1)
	signal.Notify(own, os.Interrupt)
	defer signal.Stop(own)
	r, _ := newReactor(t)
	r.CallWhenRunning(func() {
		sendSelf(t, syscall.SIGINT)
		_ = r.CallInThread(func() {
			within(t, own)
			_ = r.Stop()
		})
	})
	mustRun(t, r)
	if r.StopSignal() != nil {
		t.Error("the reactor took the signal")
	}
}

func TestR47_TheApplicationsOwnHandlerGetsSignalsToo(t *testing.T) {
	own := make(chan os.Signal, 1)
	signal.Notify(own, os.Interrupt)
	defer signal.Stop(own)
	r := reactor.New(reactor.Options{Logger: reactortest.NewLog(t).Logger()})
	r.CallWhenRunning(func() { sendSelf(t, syscall.SIGINT) })
	mustRun(t, r)
	within(t, own)
}

// TestR49 runs this test binary again, as a program whose shutdown never ends.
func TestR49_TheSecondSignalForces(t *testing.T) {
	if os.Getenv("HAWSER_TEST_SECOND_SIGNAL") != "" {
		programWithEndlessShutdown()
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestR49_")
	cmd.Env = append(os.Environ(), "HAWSER_TEST_SECOND_SIGNAL=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	for range 2 { // "running", "stopping"
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Process.Signal(os.Interrupt)
	}
	err = cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("the program ended with %v", err)
	}
}

func programWithEndlessShutdown() {
	r := reactor.New(reactor.Options{ShutdownTimeout: -1})
	say := func(what string) { _, _ = os.Stdout.WriteString(what) }
	r.CallWhenRunning(func() { say("r") })
	r.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, func() {
		say("s")
		select {} // blocks the loop
	})
	_ = r.Run()
}
