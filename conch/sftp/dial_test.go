package sftp_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// dial opens a session. The test must close it.
func dial(t *testing.T, to sshtest.Target, o sftp.OpenOptions) *sftp.Files {
	t.Helper()
	reactortest.CheckGoroutines(t)
	o.Options = to.Options
	files, err := sftp.Dial(t.Context(), to.Name(), o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestF14_FourLines: a program copies a file with four statements, as in
// ExampleDial.
func TestF14_FourLines(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "example_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "ExampleDial" {
			for _, statement := range fn.Body.List {
				uses := false
				ast.Inspect(statement, func(n ast.Node) bool {
					id, ok := n.(*ast.Ident)
					uses = uses || ok && (id.Name == "files" || id.Name == "file")
					return true
				})
				if uses {
					lines++
				}
			}
		}
	}
	if lines != 4 {
		t.Errorf("%d statements", lines)
	}
}

// TestF14_Close: Close ends the session, and so do concurrent calls of Close.
func TestF14_Close(t *testing.T) {
	for name, server := range sftpServers {
		t.Run(name, func(t *testing.T) {
			to, _ := server(t)
			files := dial(t, to, sftp.OpenOptions{})
			if err := files.WriteFile(t.Context(), "remote", []byte("content"), 0o644); err != nil {
				t.Error(err)
			}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() { // ends when Close returns
					if err := files.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if _, err := files.Stat(t.Context(), "remote"); !errors.Is(err, sftp.ErrClosed) {
				t.Errorf("afterwards: %v", err)
			}
			if _, err := sftp.Call(t.Context(), files, (*filetransfer.FileTransferClient).Limits); !errors.Is(err, sftp.ErrClosed) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// silent returns the options of a server that answers only INIT. It closes
// begun when a request arrives.
func silent(begun chan struct{}) conchtest.Options {
	return conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		_ = req.Reply(true, nil)                           // if the connection is lost, another check fails
		_, _ = io.ReadFull(ch, make([]byte, 9))            // INIT
		_, _ = ch.Write([]byte{0, 0, 0, 5, 2, 0, 0, 0, 3}) // VERSION
		_, _ = io.ReadFull(ch, make([]byte, 5))            // the beginning of a request
		close(begun)
		_, _ = io.Copy(io.Discard, ch) // returns when the client closes
		return true
	}}
}

// TestF14_CloseDuringCalls: Close fails the calls in progress with ErrClosed.
func TestF14_CloseDuringCalls(t *testing.T) {
	begun := make(chan struct{})
	_, to := sshtest.Embedded(t, silent(begun))
	files := dial(t, to, sftp.OpenOptions{})
	var calls sync.WaitGroup
	for _, call := range []func() error{
		func() error { _, err := files.Stat(t.Context(), "x"); return err },
		func() error { _, err := files.ReadFile(t.Context(), "x"); return err },
		func() error {
			_, err := files.Get(t.Context(), "x", filepath.Join(t.TempDir(), "x"), sftp.Options{})
			return err
		},
		func() error {
			_, err := files.PutFrom(t.Context(), strings.NewReader("x"), "x", sftp.Options{})
			return err
		},
	} {
		calls.Go(func() { // ends when Close is called
			if err := call(); !errors.Is(err, sftp.ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	}
	<-begun
	if err := files.Close(); err != nil {
		t.Error(err)
	}
	calls.Wait()
}

// TestF14_CloseAfterTheServerDied: Close returns the reason for the end of the
// session.
func TestF14_CloseAfterTheServerDied(t *testing.T) {
	server, to := sshtest.Embedded(t, conchtest.Options{})
	files := dial(t, to, sftp.OpenOptions{})
	server.CloseConnections()
	_, err := reactor.Await(t.Context(), files.Client().Reactor(), files.Client().WhenClosed)
	if !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("%v", err)
	}
	if _, err := files.Stat(t.Context(), "x"); !errors.Is(err, conch.ErrConnectionLost) {
		t.Errorf("%v", err)
	}
	for range 2 {
		if err := files.Close(); !errors.Is(err, conch.ErrConnectionLost) {
			t.Errorf("closed: %v", err)
		}
	}
}

// TestF14_CloseOnTheLoop: on the loop, Close returns an error and closes
// nothing.
func TestF14_CloseOnTheLoop(t *testing.T) {
	to, dir := sftpServers["embedded"](t)
	files := dial(t, to, sftp.OpenOptions{})
	if err := os.WriteFile(filepath.Join(dir, "remote"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	var onLoop []error
	_, err := files.Get(t.Context(), "remote", filepath.Join(t.TempDir(), "local"), sftp.Options{Progress: func(sftp.Progress) {
		onLoop = append(onLoop, files.Close())
	}})
	if err != nil || len(onLoop) == 0 || !errors.Is(onLoop[0], reactor.ErrOnLoop) {
		t.Errorf("%v, on the loop %v", err, onLoop)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

// TestF14_DialIsBounded: ctx ends Dial in each of its phases. It does not
// affect the session after Dial has returned.
func TestF14_DialIsBounded(t *testing.T) {
	reactortest.CheckGoroutines(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	if _, err := sftp.Dial(ctx, to.Name(), sftp.OpenOptions{Options: to.Options}); !errors.Is(err, over) {
		t.Errorf("before it began: %v", err)
	}
	for _, phase := range []client.Phase{client.PhaseDial, client.PhaseHostKey, client.PhaseAuthentication, client.PhaseService} {
		ctx, cancel := context.WithCancelCause(t.Context())
		o := to.Options
		o.Progress = func(now client.Phase, _ string) {
			if now == phase {
				cancel(over)
			}
		}
		files, err := sftp.Dial(ctx, to.Name(), sftp.OpenOptions{Options: o})
		if !errors.Is(err, over) || files != nil {
			t.Errorf("%s: %v", phase, err)
		}
		cancel(nil)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	files, err := sftp.Dial(ctx, to.Name(), sftp.OpenOptions{Options: to.Options})
	if err != nil {
		t.Fatal(err)
	}
	cancel(over)
	if _, err := files.Stat(t.Context(), "."); err != nil {
		t.Error(err)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

// TestF14_DialFails: a server that refuses the connection, an invalid target,
// and invalid options.
func TestF14_DialFails(t *testing.T) {
	reactortest.CheckGoroutines(t)
	refused := errors.New("refused")
	o := client.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	_, err := sftp.Dial(t.Context(), "guest@example.org", sftp.OpenOptions{Options: o})
	if failed, ok := errors.AsType[*client.ConnectError](err); !ok || failed.Phase != client.PhaseDial || !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	for _, o := range []sftp.OpenOptions{{}, {Connections: -1}} {
		if _, err := sftp.Dial(t.Context(), "guest@", o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestF14_Password: a program can log in with a password without a UI.
func TestF14_Password(t *testing.T) {
	reactortest.CheckGoroutines(t)
	server, to := sshtest.Embedded(t, conchtest.Options{})
	o := sftp.OpenOptions{User: "guest"}
	o.Password, o.KnownHosts = server.Password, to.Options.KnownHosts
	files, err := sftp.Dial(t.Context(), server.Addr.String(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Stat(t.Context(), "."); err != nil {
		t.Error(err)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
}

// TestF14_CloseOfASession: Close of a session on a program's reactor closes
// only the session.
func TestF14_CloseOfASession(t *testing.T) {
	r := sshtest.Start(t)
	to, _ := sftpServers["OpenSSH"](t)
	conn := sshtest.Connect(t, r, to)
	open := func() *sftp.Files {
		s, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.OpenOn(conn, sftp.OpenOptions{}) })
		if err != nil {
			t.Fatal(err)
		}
		return s.Files()
	}
	one, other := open(), open()
	for range 2 {
		if err := one.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := one.Stat(t.Context(), "."); !errors.Is(err, sftp.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := other.Stat(t.Context(), "."); err != nil {
		t.Error(err)
	}
}

// TestF14_CloseOfASessionThatHangs: Close returns after a time if the server
// never closes its end.
func TestF14_CloseOfASessionThatHangs(t *testing.T) {
	r := sshtest.Start(t)
	stop := make(chan struct{})
	defer close(stop)
	_, to := sshtest.Embedded(t, conchtest.Options{Session: func(ch gossh.Channel, req *gossh.Request) bool {
		_ = req.Reply(true, nil)                           // if the connection is lost, another check fails
		_, _ = io.ReadFull(ch, make([]byte, 9))            // INIT
		_, _ = ch.Write([]byte{0, 0, 0, 5, 2, 0, 0, 0, 3}) // VERSION
		<-stop
		return true
	}})
	conn := sshtest.Connect(t, r, to)
	s, err := sshtest.Await(t, r, func() deferred.Deferred[*sftp.Client] { return sftp.OpenOn(conn, sftp.OpenOptions{}) })
	if err != nil {
		t.Fatal(err)
	}
	clock := reactortest.NewClock()
	sshtest.OnLoop(t, r, func() { s.UseClock(clock) })
	closed := make(chan error)
	go func() { closed <- s.Files().Close() }() // ends after the clock was advanced
	for over := false; !over; {
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
			over = true
		default:
			sshtest.OnLoop(t, r, func() { clock.Advance(time.Second) })
		}
	}
}
