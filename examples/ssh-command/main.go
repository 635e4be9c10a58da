// Command ssh-command is an SSH server whose commands are a Go function. A user
// without a command gets a shell for them, with a line editor.
//
//	go run ./examples/ssh-command [-listen 127.0.0.1:2022] [-keys DIRECTORY]
//
// It prints how to log in. The commands are "hello", "upper" and "wait".
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	"golang.org/x/term"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("ssh-command", flag.ExitOnError)
		listen := flags.String("listen", "127.0.0.1:0", "the address to listen on; port 0 is a free one")
		keys := flags.String("keys", "", "the directory with the host key, which is made there at the first start")
		_ = flags.Parse(args) // exits on errors
		s := newServer()
		s.HostKeyDir = *keys
		port, err := s.Listen(r, *listen)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := port.GetHost().(reactor.IPAddress)
		fmt.Fprintf(os.Stderr, "ssh -p %d user@%s hello    (the password is \"password\")\n", at.Port(), at.Host())
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] { return s.Shutdown(time.Second) })
		return deferred.New[struct{}]() // never fires
	})
}

func newServer() *server.Server {
	return &server.Server{
		Passwords:    map[string]string{"user": "password"},
		Handle:       handle,
		HandleShells: true,
	}
}

// handle serves a command or a shell. It runs on a goroutine of its own, so it
// may block. ctx is done when the client has gone.
func handle(ctx context.Context, c *server.Command) (status int) {
	if c.Shell {
		return shell(ctx, c)
	}
	return run(ctx, c.Line, c)
}

// run runs a command.
func run(ctx context.Context, line string, c *server.Command) (status int) {
	switch line {
	case "hello":
		fmt.Fprintf(c.Stdout, "hello, %s from %s\n", c.Login.User, c.Login.Remote)
		return 0
	case "upper":
		input, err := io.ReadAll(c.Stdin)
		if err != nil {
			return 1
		}
		fmt.Fprint(c.Stdout, strings.ToUpper(string(input)))
		return 0
	case "wait":
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
		return 0
	}
	fmt.Fprintf(c.Stderr, "%q is no command; there are hello, upper, wait\n", line)
	return 127
}

// shell runs commands until the user types "exit" or Ctrl-D.
func shell(ctx context.Context, c *server.Command) (status int) {
	readLine, out := plainLines(c)
	if c.Terminal != nil {
		readLine, out = editedLines(c)
	}
	for {
		line, err := readLine()
		switch {
		case errors.Is(err, io.EOF) || line == "exit":
			return status
		case err != nil:
			return 1
		case line != "":
			status = run(ctx, line, &server.Command{Login: c.Login, Stdin: strings.NewReader(""), Stdout: out, Stderr: out})
		}
	}
}

// plainLines reads lines of a client without a terminal, such as ssh -T.
func plainLines(c *server.Command) (readLine func() (string, error), out io.Writer) {
	lines := bufio.NewScanner(c.Stdin) // a line has at most 64 KiB
	return func() (string, error) {
		if !lines.Scan() {
			return "", errors.Join(lines.Err(), io.EOF)
		}
		return lines.Text(), nil
	}, c.Stdout
}

// editedLines lets the user edit lines, with a history.
func editedLines(c *server.Command) (readLine func() (string, error), out io.Writer) {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{c.Stdin, c.Stdout}, c.Login.User+"> ")
	resize := func() { _ = t.SetSize(int(c.Terminal.Size.Columns), int(c.Terminal.Size.Rows)) } // fails if the client has gone
	resize()
	return func() (string, error) {
		select {
		case c.Terminal.Size = <-c.Terminal.Resized:
			resize()
		default:
		}
		return t.ReadLine()
	}, t
}
