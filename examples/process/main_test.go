package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

// childVariable makes this test program the program that the example runs.
const childVariable = "HAWSER_TEST_PROCESS_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		var name string
		_, _ = fmt.Scanln(&name)
		fmt.Println("hello", name)
		fmt.Fprint(os.Stderr, "no end of line")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	t.Setenv(childVariable, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	var out bytes.Buffer
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[struct{}] {
		return run(r, []string{os.Args[0]}, false, strings.NewReader("world\n"), &out)
	})
	if e, ok := errors.AsType[*task.ExitError](err); !ok || e.Code != 3 {
		t.Errorf("failed with %v", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	want := []string{"err: no end of line", "out: hello world", "reactor: the process ended with exit code 3"}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
}

func TestCannotRun(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[struct{}] {
		return run(r, []string{"/nonexistent/program"}, false, strings.NewReader(""), nil)
	})
	if _, ok := errors.AsType[*reactor.CannotSpawnError](err); !ok {
		t.Errorf("failed with %v", err)
	}
}

func TestTalkerJoinsLines(t *testing.T) {
	var out bytes.Buffer
	talk := &talker{out: &out, partial: make(map[int][]byte), done: deferred.New[struct{}]()}
	p := reactortest.ConnectProcess(talk, reactor.ProcessOptions{})
	p.Receive(1, "one\r\ntw")
	p.Receive(1, "o\nthree")
	p.Receive(2, strings.Repeat("x", maxLine))
	p.End(0)
	want := "out: one\nout: two\nerr: " + strings.Repeat("x", maxLine) + "\nout: three\nreactor: the process ended with exit code 0\n"
	if out.String() != want || !talk.done.Called() {
		t.Errorf("got %.200q", out.String())
	}
}
