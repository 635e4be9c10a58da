package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestExec runs commands to their end.
func TestExec(t *testing.T) {
	sshtest.BothServers(t, conchtest.Options{Exec: sshtest.Shell}, func(t *testing.T, to sshtest.Target) {
		r := sshtest.Start(t)
		conn := sshtest.Connect(t, r, to)
		big := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
		for _, row := range []struct {
			command        string
			stdin          []byte
			stdout, stderr string
			status         uint32
			signal         string
		}{
			{"printf out; printf err >&2", nil, "out", "err", 0, ""},
			{"cat", []byte("hello"), "hello", "", 0, ""},
			{"cat", big, string(big), "", 0, ""},
			{"printf x; exit 3", nil, "x", "", 3, ""},
			{"kill -TERM $$", nil, "", "", 0, "TERM"},
		} {
			out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, row.command, row.stdin) })
			exit, failed := errors.AsType[*client.ExitError](err)
			if failed {
				out = exit.Output
				if exit.Status != row.status || exit.Signal.Name != row.signal {
					t.Errorf("%s: %v", row.command, err)
				}
			}
			if failed != (row.status != 0 || row.signal != "") || !failed && err != nil || string(out.Stdout) != row.stdout || string(out.Stderr) != row.stderr {
				t.Errorf("%s: %.40q, %q, %v", row.command, out.Stdout, out.Stderr, err)
			}
		}
	})
}

// TestExec_Bounded: a program that never stops writing is ended at a limit.
// Cancelling ends a program that never ends.
func TestExec_Bounded(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	conn := sshtest.Connect(t, r, to)
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "yes", nil) }); !errors.Is(err, client.ErrOutputTooLong) {
		t.Errorf("got %v", err)
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] {
		d := client.Exec(conn, "yes", nil)
		r.CallLater(0, d.Cancel)
		return d
	})
	if !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// TestExec_Failures: the command is refused, the channel is refused, or the
// connection is lost.
func TestExec_Failures(t *testing.T) {
	r := sshtest.Start(t)
	s, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "ls", nil) }); !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("got %v", err)
	}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] {
		d := client.Exec(conn, "ls", nil)
		s.CloseConnections()
		return d
	})
	if !errors.Is(err, conch.ErrConnectionLost) && !errors.Is(err, conch.ErrRequestRefused) { // the refusal may be faster
		t.Errorf("got %v", err)
	}
}

// TestF12_Exec: stdout and stderr share one limit, which can be raised. A
// program that exceeds the limit does not fill the memory. A program below the
// limit gets all its output, in order.
func TestF12_Exec(t *testing.T) {
	const limit = 8 << 20
	r := sshtest.Start(t)
	chunk := make([]byte, 32<<10)
	_, _ = rand.NewChaCha8([32]byte{12}).Read(chunk) // never fails
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		outs := map[string][]io.Writer{"out": {ch}, "err": {ch.Stderr()}, "both": {ch, ch.Stderr()}}[strings.Fields(command)[0]]
		for range limit / len(chunk) / len(outs) {
			for _, w := range outs {
				if _, err := w.Write(chunk); err != nil {
					return 1
				}
			}
		}
		if strings.HasSuffix(command, "more") {
			_, _ = outs[0].Write(chunk[:1]) // an error means that the channel is closed
		}
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	for _, row := range []struct {
		command string
		max     int
		want    error
	}{
		{"out", limit, nil}, {"err", limit, nil}, {"both", limit, nil}, {"both and more", limit, client.ErrOutputTooLong}, {"err and more", limit, client.ErrOutputTooLong},
		{"both and more", limit + 1, nil},
	} {
		out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] {
			return client.ExecCommand(conn, client.Command{Line: row.command, MaxOutput: row.max}, nil)
		})
		if !errors.Is(err, row.want) {
			t.Errorf("%s of %d: %v", row.command, row.max, err)
			continue
		}
		if err != nil {
			continue
		}
		for _, got := range [][]byte{out.Stdout, out.Stderr} {
			for i := 0; i < len(got); i += len(chunk) {
				if part := got[i:min(i+len(chunk), len(got))]; !bytes.Equal(part, chunk[:len(part)]) {
					t.Errorf("%s: wrong from byte %d on", row.command, i)
					break
				}
			}
		}
		if n := len(out.Stdout) + len(out.Stderr); n != row.max {
			t.Errorf("%s: %d bytes", row.command, n)
		}
	}
}

// TestF12_ExecMemory: an endless program needs little more memory than the
// limit, for any pattern of its writes.
func TestF12_ExecMemory(t *testing.T) {
	if sshtest.RaceDetector {
		return // the race detector uses additional memory
	}
	const bound = client.DefaultMaxOutput + client.DefaultMaxOutput/4
	r := sshtest.Start(t)
	var most atomic.Uint64
	note := func() {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		most.Store(max(most.Load(), stats.HeapAlloc))
	}
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		chunk := make([]byte, 32<<10)
		for i := 0; ; i++ {
			_, err := ch.Write(chunk)
			if err == nil {
				_, err = ch.Stderr().Write(chunk)
			}
			if err != nil {
				return 1
			}
			if i%64 == 0 { // each 4 MiB
				note()
			}
		}
	}})
	conn := sshtest.Connect(t, r, to)
	note()
	before := most.Load()
	_, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "yes", nil) })
	if !errors.Is(err, client.ErrOutputTooLong) {
		t.Errorf("got %v", err)
	}
	t.Logf("%d MiB live", (most.Load()-before)>>20)
	if most.Load()-before > bound {
		t.Errorf("%d MiB live, want at most %d", (most.Load()-before)>>20, bound>>20)
	}
}

// TestF35_NoExitStatus: if the server sends no exit status for a command or
// shell, the error contains the output. Subsystems, and sessions that we close,
// need no exit status.
func TestF35_NoExitStatus(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		switch req.Type {
		case "exec", "shell", "subsystem":
			go func() { // ends after the write
				_ = req.Reply(true, nil)                   // if the connection is lost, another check fails
				_, _ = ch.Write([]byte("half of the out")) // a lost connection shows in the check below
				if !bytes.Contains(req.Payload, []byte("stay")) {
					ch.Close()
				}
			}()
			return true
		}
		return false
	}})
	conn := sshtest.Connect(t, r, to)
	_, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return client.Exec(conn, "x", nil) })
	if exit, ok := errors.AsType[*client.ExitError](err); !ok || !errors.Is(err, client.ErrNoExitStatus) || string(exit.Output.Stdout) != "half of the out" {
		t.Errorf("Exec: %v", err)
	}
	for _, row := range []struct {
		name    string
		command client.Command
		close   bool
		want    error
	}{
		{"command", client.Command{Line: "x"}, false, client.ErrNoExitStatus},
		{"shell", client.Command{}, false, client.ErrNoExitStatus},
		{"subsystem", client.Command{Line: "x", Subsystem: true}, false, nil},
		{"closed here", client.Command{Line: "stay"}, true, nil},
	} {
		s := client.NewClientSession(row.command)
		_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			conn.OpenChannel(s)
			s.Started().OnValue(func(deferred.Void) {
				if row.close {
					s.LoseConnection()
				}
			})
			return s.Finished()
		})
		if !errors.Is(err, row.want) {
			t.Errorf("%s: got %v", row.name, err)
		}
		if _, ok := s.Exited(); ok {
			t.Errorf("%s: an end was reported", row.name)
		}
	}
}

// TestF14_Run: a program without a reactor runs a command with one call. The
// context ends the call.
func TestF14_Run(t *testing.T) {
	reactortest.CheckGoroutines(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		if command == "wait" {
			cancel()
		}
		return sshtest.Shell("cat", ch)
	}})
	if out, err := to.Client().Run(ctx, "cat", []byte("x")); err != nil || string(out.Stdout) != "x" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	big := make([]byte, 8<<20) // the command has not ended while it is sent
	if _, err := to.Client().Run(ctx, "wait", big); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := to.Client().Run(ctx, "cat", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

// TestTarget_Exec connects, runs and closes in one call: C-CLIENT-11.
func TestTarget_Exec(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	target := to.Client()
	out, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return target.Exec(r, "cat", []byte("x")) })
	if err != nil || string(out.Stdout) != "x" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	target.Options.Identities, target.Options.UI = []string{t.TempDir() + "/none"}, &sshtest.ScriptedUI{Line: sshtest.Answering("wrong")}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[client.Output] { return target.Exec(r, "cat", nil) }); err == nil {
		t.Error("logged in without a key")
	}
}

// TestSession_Requests checks the requests of a session and their order.
func TestSession_Requests(t *testing.T) {
	r := sshtest.Start(t)
	log := &sshtest.RequestLog{Want: 6, All: make(chan struct{})}
	_, to := sshtest.Embedded(t, conchtest.Options{Session: log.Grant})
	conn := sshtest.Connect(t, r, to)
	size := conch.WindowSize{Rows: 24, Columns: 80}
	modes := []conch.TerminalMode{{Opcode: 53, Value: 0}}
	s := client.NewClientSession(client.Command{Env: [][2]string{{"A", "b"}}, Terminal: &client.Terminal{Term: "xterm", Size: size, Modes: modes}})
	_, err := sshtest.Await(t, r, func() deferred.Deferred[[]byte] {
		conn.OpenChannel(s)
		return deferred.ThenDeferred(s.Started(), func(struct{}) deferred.Deferred[[]byte] {
			s.WindowChange(conch.WindowSize{Rows: 50, Columns: 132})
			s.Signal("INT")
			return s.Break(time.Second)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	<-log.All
	want := []string{
		fmt.Sprintf("env false %x", conch.PackRequestEnv("A", "b")),
		fmt.Sprintf("pty-req true %x", conch.PackRequestPTYReq("xterm", size, modes)),
		"shell true ",
		fmt.Sprintf("window-change false %x", conch.PackRequestWindowChange(conch.WindowSize{Rows: 50, Columns: 132})),
		fmt.Sprintf("signal false %x", conch.NS("INT")),
		"break true 000003e8",
	}
	if !slices.Equal(log.Seen, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(log.Seen, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// terminalSession types a command into a shell on a terminal.
type terminalSession struct {
	client.ClientSession
	text strings.Builder
}

func (s *terminalSession) SessionStarted() {
	s.WindowChange(conch.WindowSize{Rows: 33, Columns: 99})
	s.Write([]byte("stty size; exit 7\n"))
}
func (s *terminalSession) DataReceived(p []byte) { s.text.Write(p) }

// TestSession_Terminal runs a shell of a real server on a terminal.
func TestSession_Terminal(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.OpenSSH(t)
	conn := sshtest.Connect(t, r, to)
	s := &terminalSession{}
	s.Command.Terminal = &client.Terminal{Term: "dumb", Size: conch.WindowSize{Rows: 24, Columns: 80}}
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(s)
		return s.Finished()
	})
	if exit, ok := errors.AsType[*client.ExitError](err); !ok || exit.Status != 7 {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(s.text.String(), "33 99") {
		t.Errorf("shown %q", s.text.String())
	}
	if exit, ok := s.Exited(); !ok || exit == nil {
		t.Errorf("Exited() = %v, %v", exit, ok)
	}
}

// TestSession_Refused: a session fails if its terminal or its channel is
// refused.
func TestSession_Refused(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	conn := sshtest.Connect(t, r, to)
	s := client.NewClientSession(client.Command{Line: "cat", Terminal: &client.Terminal{Term: "x"}})
	_, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(s)
		s.Started().AddErrback(func(err error) (struct{}, error) { return struct{}{}, nil })
		return s.Finished()
	})
	if !errors.Is(err, conch.ErrRequestRefused) {
		t.Errorf("got %v", err)
	}
}

// TestShutdown_Connections: a trigger "before shutdown" may use connections.
// They are closed in the next phase (R35, R38).
func TestShutdown_Connections(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		fmt.Fprint(ch, command)
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	stopped := make(chan struct{})
	said := make(chan string, 1)
	sshtest.OnLoop(t, r, func() {
		conn.Stopped = func() { close(stopped) }
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
			return deferred.ThenBoth(client.Exec(conn, "farewell", nil), func(o client.Output, err error) (struct{}, error) {
				said <- fmt.Sprintf("%s, %v", o.Stdout, err)
				return struct{}{}, nil
			})
		})
		_ = r.Stop() // an error is impossible: the reactor runs
	})
	late := time.After(sshtest.Patience)
	select {
	case got := <-said:
		if got != "farewell, <nil>" {
			t.Error(got)
		}
	case <-late:
		t.Fatal("the command was not run")
	}
	select {
	case <-stopped:
	case <-late:
		t.Error("the connection was not closed")
	}
}
