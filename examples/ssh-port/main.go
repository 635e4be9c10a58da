// Command ssh-port is a Conch program, ported line by line. It runs a command
// and makes a directory over one connection. docs/howto/porting-conch.md shows
// the Python program beside this one.
//
//	go run ./examples/ssh-port USER HOST
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

// command is a channel that runs a command. The type that embeds it has a
// method Line, which returns the command line.
type command struct{ conch.SSHChannel }

func (c *command) Name() string { return "session" }

func (c *command) ChannelOpen([]byte) {
	line := c.Self().(interface{ Line() string }).Line()
	d := c.Conn().SendRequest(c, "exec", conch.NS(line), true)
	d.OnValue(c.cbExec).OnError(c.OpenFailed)
}

func (c *command) cbExec([]byte) {
	c.Write([]byte("hello conch\n"))
	c.Conn().SendEOF(c)
}

func (c *command) OpenFailed(reason error) { c.owner().finish(reason) }

// owner returns the connection as a *connection.
func (c *command) owner() *connection { return c.Conn().Self().(*connection) }

// cat is a channel that runs cat and collects its output.
type cat struct {
	command
	data []byte
}

func (c *cat) Line() string { return "cat" }

func (c *cat) DataReceived(p []byte) { c.data = append(c.data, p...) }

func (c *cat) ExitStatusReceived(status uint32) {
	fmt.Fprintln(c.owner().out, "exit status:", status)
}

func (c *cat) Closed() {
	if reason := c.CloseReason(); reason != nil {
		c.owner().finish(reason)
		return
	}
	fmt.Fprintf(c.owner().out, "got from cat: %q\n", c.data)
	c.owner().makeDirectory()
}

// connection is the connection service.
type connection struct {
	conch.SSHConnection
	out      io.Writer
	finished deferred.Deferred[deferred.Void]
}

func (c *connection) ServiceStarted() { c.OpenChannel(&cat{}) }

func (c *connection) ServiceStopped() { c.finish(c.Transport().Lost()) }

func (c *connection) makeDirectory() {
	d := sftp.OpenOn(c, sftp.OpenOptions{})
	made := deferred.ThenDeferred(d, func(s *sftp.Client) deferred.Deferred[filetransfer.Status] {
		return s.MakeDirectory("foobarbaz", filetransfer.Attrs{})
	})
	made.OnValue(func(filetransfer.Status) { fmt.Fprintln(c.out, "made directory") })
	made.OnResult(func(_ filetransfer.Status, err error) { c.finish(err) })
}

// finish ends the job. Only the first call sets the result.
func (c *connection) finish(err error) {
	if err != nil {
		_ = c.finished.TryErrback(err)
	} else {
		_ = c.finished.TryCallback(deferred.Void{})
	}
	c.LoseConnection()
}

// job connects and does the work. It writes a line to out for each step.
func job(r *reactor.Reactor, target *client.Target, out io.Writer) deferred.Deferred[deferred.Void] {
	conn := &connection{out: out, finished: deferred.New[deferred.Void]()}
	target.Connect(r, conn).OnError(conn.finish)
	return conn.finished
}

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[deferred.Void] {
		if len(args) != 2 {
			return deferred.Fail[deferred.Void](errors.New("usage: ssh-port USER HOST"))
		}
		return job(r, &client.Target{User: args[0], Host: args[1]}, os.Stdout)
	})
}
