package cftp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"golang.org/x/term"
)

// StatusLost is the exit status after a session that did not begin, or that the
// server or the network has ended. It is that of sftp and ssh.
const StatusLost = 255

// stdin is the file descriptor of standard input.
var stdin = int(os.Stdin.Fd())

// User is the user of a program, at the terminal of the process.
type User struct {
	Process *Process

	// Explain returns the text for the user about the end of a session. Nil
	// means the text of the error.
	Explain func(error) string
}

func (u *User) explain(err error) string {
	if u.Explain != nil {
		return u.Explain(err)
	}
	return "cftp: " + text.Line(text.TrimPrefix(err))
}

// CanInteract reports whether Interact can work: input and output are a terminal
// that obeys control sequences.
func (u *User) CanInteract() bool {
	kind := os.Getenv("TERM")
	known := kind != "" && kind != "dumb" || runtime.GOOS == "windows"
	return known && term.IsTerminal(stdin) && term.IsTerminal(int(os.Stdout.Fd()))
}

// ShowProgress makes shell draw the progress of transfers, without Interact, if
// the output is a terminal.
func (u *User) ShowProgress(shell *Shell) {
	out := os.Stdout
	if !term.IsTerminal(int(out.Fd())) {
		return
	}
	width := func() int {
		width, _, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 80
		}
		return width
	}
	var mu sync.Mutex // guards m
	m := meter{now: time.Now, width: width}
	draw := func(line func() string) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = out.WriteString(line()) // without a terminal nobody looks
	}
	shell.Width = width
	shell.Progress = func(p sftp.Progress) { draw(func() string { return m.update(p) }) }
	shell.ProgressDone = func() { draw(m.done) }
}

// errInterrupted is the cause of the context of a command that the user stops with
// Ctrl-C.
var errInterrupted = errors.New("interrupted")

var errClosed = errors.New("the server has closed the session")

// Interact lets the user type the commands of a shell, until the user or the
// server ends the session, or ctx is done. It sets the fields of shell that
// concern the user. The terminal is restored when Interact returns, whatever the
// cause.
//
// Interact returns the exit status: 0 if the user has ended the session,
// StatusLost otherwise. It blocks, and must not be called on the loop of the
// session's reactor.
func (u *User) Interact(ctx context.Context, shell *Shell, files *sftp.Files) (status int) {
	d := &dialogue{ctx: ctx, r: files.Client().Reactor(), shell: shell, user: u, ended: make(chan struct{})}
	d.screen = newScreen(d)
	d.meter = meter{now: d.r.Now, width: d.screen.width}
	shell.Out, shell.Err = &output{d: d}, &output{d: d, errors: true}
	shell.Progress, shell.ProgressDone = d.screen.progress, d.progressDone
	shell.System, shell.Width = d.system, d.columns
	d.original, _ = term.GetState(stdin) // attach reports errors

	release := u.Process.use(func() { d.r.CallFromThread(d.screen.interrupt) }, d.restore)
	defer release()
	defer d.restore()
	stop := context.AfterFunc(ctx, func() { d.r.CallFromThread(func() { d.end(StatusLost, nil) }) })
	defer stop()
	begin := func() deferred.Deferred[struct{}] {
		files.Client().WhenClosed().OnResult(func(_ struct{}, reason error) { d.lost(reason) })
		return d.attach()
	}
	if _, err := reactor.Await(ctx, d.r, begin); err != nil {
		fmt.Fprintln(os.Stderr, u.explain(err))
		return StatusLost
	}
	d.r.CallFromThread(d.screen.prompt)
	<-d.ended
	return d.status
}

// dialogue is the work of Interact. Its fields belong to the loop, if nothing
// else is said.
type dialogue struct {
	ctx      context.Context
	r        *reactor.Reactor
	shell    *Shell
	user     *User
	original *term.State // of the terminal; may be nil
	screen   *screen
	meter    meter

	connection *connection // nil while a local command has the terminal
	over       bool        // end was called
	status     int         // may be read when ended is closed
	ended      chan struct{}
	reason     error // why the session was lost
	gone       bool  // the session was lost
}

// connection is the connection to the terminal. Its program is the screen.
type connection struct {
	*insults.ServerProtocol
	d        *dialogue
	failed   error // the error of SetRaw
	lost     deferred.Deferred[struct{}]
	detached bool // lost is expected
}

// attach takes the terminal.
func (d *dialogue) attach() deferred.Deferred[struct{}] {
	c := &connection{d: d, lost: deferred.New[struct{}]()}
	c.ServerProtocol = insults.NewServerProtocol(func() insults.Protocol { return d.screen })
	d.connection = c
	if _, err := d.r.StandardIO(c, reactor.StandardIOOptions{}); err != nil {
		d.connection = nil
		return deferred.Fail[struct{}](err)
	}
	if c.failed != nil {
		return deferred.Fail[struct{}](c.failed)
	}
	return deferred.Succeed(struct{}{})
}

// detach gives the terminal back in its original mode, after all output was
// written.
func (d *dialogue) detach() deferred.Deferred[struct{}] {
	c := d.connection
	if c == nil {
		return deferred.Succeed(struct{}{})
	}
	d.screen.releaseOutput()
	c.detached, d.connection = true, nil
	c.Transport().LoseConnection()
	return c.lost
}

// ConnectionMade switches to raw mode, and connects the screen.
func (c *connection) ConnectionMade() {
	t := c.Transport().(reactor.TerminalTransport) // that of StandardIO
	if c.failed = t.SetRaw(true); c.failed != nil {
		t.AbortConnection()
		return
	}
	c.ServerProtocol.ConnectionMade()
}

// ConnectionLost ends the dialogue, unless detach was called.
func (c *connection) ConnectionLost(reason error) {
	c.ServerProtocol.ConnectionLost(reason)
	if !c.detached {
		if _, panicked := errors.AsType[*deferred.PanicError](reason); !panicked {
			c.d.user.Process.hungUp()
		}
		c.d.connection = nil
		c.d.end(StatusLost, nil)
	}
	c.lost.Callback(struct{}{})
}

// lost is called when the SFTP session has ended.
func (d *dialogue) lost(reason error) {
	if d.over {
		return
	}
	if reason == nil {
		reason = errClosed
	}
	d.gone, d.reason = true, reason
	if d.connection != nil && !d.screen.running() { // otherwise the command ends first
		d.end(StatusLost, reason)
	}
}

// end ends the dialogue, after a message about reason.
func (d *dialogue) end(status int, reason error) {
	if d.over {
		return
	}
	d.over, d.status = true, status
	d.screen.stop()
	if reason != nil && d.connection != nil {
		d.screen.leave()
		d.screen.write(d.user.explain(reason) + "\n")
	}
	c := d.connection
	limit := d.r.CallLater(flushTimeout, func() {
		if c != nil {
			c.Transport().AbortConnection()
		}
	})
	d.detach().Finally(func() {
		_ = limit.Cancel() // it may have run
		close(d.ended)
	})
}

// flushTimeout is how long a terminal may take the last output.
const flushTimeout = 2 * time.Second

// restore restores the mode of the terminal, unless the process is in the
// background: the terminal belongs to the shell then. Any goroutine may call
// restore.
func (d *dialogue) restore() {
	fd := stdin
	if d.original != nil && inForeground(fd) {
		_ = term.Restore(fd, d.original) // the terminal may be gone
	}
}
