package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing/fstest"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
	gossh "golang.org/x/crypto/ssh"
)

// A directory over SFTP, for users with a key or a password. Clients cannot leave
// the directory.
func ExampleServer() {
	dir, key := exampleDir(), exampleKey()
	defer os.RemoveAll(dir)

	s := &server.Server{
		Passwords:      map[string]string{"ana": "secret"},
		AuthorizedKeys: map[string]string{"ben": string(gossh.MarshalAuthorizedKey(key.PublicKey()))},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.OpenDir(dir, store.DirOptions{})
		},
	}

	withServer(s, func(addr string) {
		ctx := context.Background()
		ana := try(sftp.Dial(ctx, "ana@"+addr, sftp.OpenOptions{Options: client.Options{Password: "secret"}, Verify: client.AcceptAnyHostKey}))
		check(ana.WriteFile(ctx, "greeting", []byte("hello, ben"), 0o644))
		check(ana.Close())
		ben := try(sftp.Dial(ctx, "ben@"+addr, sftp.OpenOptions{Options: client.Options{Signers: []gossh.Signer{key}}, Verify: client.AcceptAnyHostKey}))
		fmt.Printf("%s\n", try(ben.ReadFile(ctx, "../../greeting")))
		check(ben.Close())
	})
	// Output:
	// hello, ben
}

// An fs.FS, which clients can only read.
func ExampleServer_readOnly() {
	site := fstest.MapFS{"index.html": {Data: []byte("<h1>It works</h1>")}}

	s := &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		SFTP:      func(*server.Login) (filetransfer.BlockingServer, error) { return store.NewFS(site), nil },
	}

	withServer(s, func(addr string) {
		ctx := context.Background()
		files := try(sftp.Dial(ctx, "ana@"+addr, sftp.OpenOptions{Options: client.Options{Password: "secret"}, Verify: client.AcceptAnyHostKey}))
		fmt.Printf("%s\n", try(files.ReadFile(ctx, "index.html")))
		fmt.Println(files.Remove(ctx, "index.html"))
		check(files.Close())
	})
	// Output:
	// <h1>It works</h1>
	// remove index.html: Permission denied (SSH_FX_PERMISSION_DENIED 3)
}

// A function that serves commands, on a goroutine for each.
func ExampleServer_handle() {
	s := &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Handle: func(ctx context.Context, c *server.Command) (status int) {
			fmt.Fprintf(c.Stdout, "%s runs %q with %v\n", c.Login.User, c.Line, c.Env)
			fmt.Fprintln(c.Stderr, "nothing to complain about")
			return 3
		},
	}

	withServer(s, func(addr string) {
		_, err := exampleTarget("ana", addr).Run(context.Background(), "make tea", nil)
		exit, _ := errors.AsType[*client.ExitError](err)
		fmt.Printf("%s%s%d\n", exit.Output.Stdout, exit.Output.Stderr, exit.Status)
	})
	// Output:
	// ana runs "make tea" with []
	// nothing to complain about
	// 3
}

// teller is a line protocol.
type teller struct {
	protocols.LineReceiver
	user string
}

func (t *teller) ConnectionMade() { t.SendLine([]byte("hello, " + t.user)) }

func (t *teller) LineReceived(line []byte) {
	if string(line) == "bye" {
		t.Transport().LoseConnection()
		return
	}
	t.SendLine([]byte(strconv.Itoa(len(line)) + " bytes"))
}

// A line protocol as the shell. It receives lines whether the client has a
// terminal or not.
func ExampleServer_shell() {
	s := &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Shell: func(l *server.Login) reactor.Protocol {
			return &teller{user: l.User, LineReceiver: protocols.LineReceiver{Delimiter: []byte("\n")}}
		},
	}

	withServer(s, func(addr string) {
		conn := try(gossh.Dial("tcp", addr, exampleConfig("ana")))
		session := try(conn.NewSession())
		check(session.RequestPty("xterm", 24, 80, nil))
		in := try(session.StdinPipe())
		var screen bytes.Buffer
		session.Stdout = &screen
		check(session.Shell())
		fmt.Fprint(in, "tee\x7fa\rbye\r") // with a typing error
		check(session.Wait())
		fmt.Printf("%q\n", &screen)
		check(conn.Close())
	})
	// Output:
	// "hello, ana\r\ntee\b \ba\r\n3 bytes\r\nbye\r\n"
}

// A bastion: users can go through it to the hosts of a list, and do nothing else.
func ExampleServer_bastion() {
	inside := &server.Server{
		Passwords: map[string]string{"ana": "secret"},
		Handle: func(_ context.Context, c *server.Command) int {
			fmt.Fprintln(c.Stdout, "inside")
			return 0
		},
	}

	withServer(inside, func(addr string) {
		bastion := &server.Server{
			Passwords:  map[string]string{"ana": "secret"},
			Forwarding: forward.Rules{Open: forward.Allow(addr)},
		}

		withServer(bastion, func(bastionAddr string) {
			target := exampleTarget("ana", addr)
			target.Options.Jump = exampleTarget("ana", bastionAddr)
			out, err := target.Run(context.Background(), "whoami", nil)
			fmt.Printf("%s%v\n", out.Stdout, err)
		})
	})
	// Output:
	// inside
	// <nil>
}

// withServer starts a server on a reactor of its own, calls f on another
// goroutine, and shuts the server down.
func withServer(s *server.Server, f func(addr string)) {
	r := reactor.New(reactor.Options{NoSignals: true, Logger: slog.New(slog.DiscardHandler)})
	port := try(s.Listen(r, "127.0.0.1:0"))
	done := reactor.DeferToThread(r, func() (struct{}, error) {
		f(port.GetHost().String())
		return struct{}{}, nil
	})
	deferred.ThenBothDeferred(done, func(_ struct{}, err error) deferred.Deferred[struct{}] {
		check(err)
		return s.Shutdown(0)
	}).Finally(func() { check(r.Stop()) })
	check(r.Run())
}

// exampleTarget returns a target with a password.
func exampleTarget(user, addr string) *client.Target {
	host, port, err := net.SplitHostPort(addr)
	check(err)
	return &client.Target{User: user, Host: host, Port: try(strconv.Atoi(port)),
		Options: client.Options{Password: "secret"}, Verify: client.AcceptAnyHostKey}
}

func exampleConfig(user string) *gossh.ClientConfig {
	return &gossh.ClientConfig{User: user, Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
}

func exampleDir() string { return try(os.MkdirTemp("", "files")) }

// try and check panic on an error.
func try[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
