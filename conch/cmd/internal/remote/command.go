package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/reactor"
)

// Command is conch with its connections to the outside. The files must be set.
type Command struct {
	Stdin, Stdout, Stderr *os.File

	// UI returns who answers questions. Nil means the user at the controlling
	// terminal of the process.
	UI func(r *reactor.Reactor) client.UI

	times times
}

// times are the time limits, which tests change. A zero value means the default.
type times struct {
	aliveEvery  time.Duration // without ServerAliveInterval
	aliveWithin time.Duration // for the answer
	again       time.Duration // the first wait of -r before it connects again
}

// The defaults of times, and the longest wait of -r.
const (
	aliveEvery  = 300 * time.Second
	aliveWithin = 30 * time.Second
	firstAgain  = time.Second
	longAgain   = 30 * time.Second
)

// New returns the Command of this process.
func New() *Command { return &Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr} }

// Exit statuses besides those of remote commands.
const (
	statusFailed      = login.StatusFailed
	statusInterrupted = 130 // Ctrl-C at a question, as a shell reports SIGINT
)

// Run runs conch with the arguments behind its name, and returns the exit
// status. It blocks until the session has ended, and runs a reactor meanwhile.
// Errors are written to Stderr.
func (c *Command) Run(args []string) int {
	line, err := table.Parse(args)
	switch {
	case err != nil:
		return c.refuse(err)
	case line.Has(optHelp):
		_, _ = io.WriteString(c.Stdout, help) // there is no other place for errors
		return 0
	case line.Has(optVersion):
		fmt.Fprintf(c.Stderr, "conch of hawser %s, SSH protocol 2.0\n", version())
		return 0
	case len(line.Operands) == 0:
		_, _ = io.WriteString(c.Stderr, help) // there is no other place for errors
		return statusFailed
	}
	p, err := newPlan(&line)
	if err != nil {
		return c.refuse(err)
	}
	if p.background && os.Getenv(inBackground) == "" {
		return c.runInBackground(args)
	}
	return c.carryOut(p)
}

// refuse reports a command line that cannot be carried out.
func (c *Command) refuse(err error) int {
	c.say(text.Line(text.TrimPrefix(err)))
	return statusFailed
}

// say writes lines to Stderr.
func (c *Command) say(lines string) {
	for line := range strings.Lines(lines) {
		fmt.Fprintf(c.Stderr, "conch: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown version)"
}

// carryOut connects, and returns when the connection has ended.
func (c *Command) carryOut(p *plan) int {
	out, closeLog, err := c.logWriter(p)
	if err != nil {
		return c.refuse(err)
	}
	defer closeLog()
	j := &job{Command: c, plan: p, log: out, status: statusFailed}
	j.r = reactor.New(reactor.Options{Logger: newLogger(out, p)})
	ask := c.UI
	if ask == nil {
		ask = func(r *reactor.Reactor) client.UI { return client.NewConsoleUI(r) }
	}
	p.SetUI(ask(j.r), c.Stderr)
	for _, w := range p.Warnings {
		j.warn("%s", "warning: "+w)
	}
	j.r.CallWhenRunning(j.start)
	err = j.r.Run()
	switch {
	case err != nil:
		return c.refuse(err)
	case j.r.StopSignal() != nil && !j.ready:
		return statusInterrupted
	case j.r.StopSignal() != nil && !j.ending:
		j.warn("Killed by signal: %v.", j.r.StopSignal())
		return statusFailed
	}
	for _, message := range j.last {
		j.warn("%s", message)
	}
	return j.status
}

// exitStatus returns the exit status for the end of a remote command. The
// message is for the user, if it is not empty.
func exitStatus(err error) (status int, message string) {
	exit, ok := errors.AsType[*client.ExitError](err)
	switch {
	case err == nil:
		return 0, ""
	case !ok:
		return statusFailed, text.Line(text.TrimPrefix(err))
	case exit.Err != nil:
		return statusFailed, text.Line(text.TrimPrefix(exit.Err))
	case exit.Signal.Name != "" || exit.Status > 255:
		return statusFailed, ""
	}
	return int(exit.Status), ""
}
