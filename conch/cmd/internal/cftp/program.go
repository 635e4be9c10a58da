package cftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"golang.org/x/term"
)

// Exit statuses, as sftp has them. StatusLost is another one.
const (
	statusFailed = 1 // a batch or a transfer failed
	statusUsage  = 1
)

// Program is cftp with its connections to the outside.
type Program struct {
	Stdin          io.Reader // commands, if there is no terminal
	Stdout, Stderr io.Writer
}

// New returns the Program of this process.
func New() *Program { return &Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr} }

// Run runs cftp with the arguments behind the name of the program, and returns
// the exit status: 0; 1 after a wrong command line, or if a command of a batch
// or the download of the command line failed; 255 if there is no connection.
func (p *Program) Run(args []string) int {
	s, err := readOptions(args)
	switch {
	case err != nil:
		p.complain(err)
		fmt.Fprintln(p.Stderr, "See cftp -h.")
		return statusUsage
	case s.line.Has(optHelp):
		fmt.Fprint(p.Stdout, usageText)
		return 0
	case s.line.Has(optVersion):
		fmt.Fprintln(p.Stdout, versionLine())
		return 0
	}
	return RunProcess(func(ctx context.Context, process *Process) int { return p.session(ctx, process, s) })
}

func versionLine() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return "cftp of hawser " + v
}

func (p *Program) complain(err error) {
	fmt.Fprintln(p.Stderr, "cftp: "+text.Line(text.TrimPrefix(err)))
}

// session logs in, and does what the command line says.
func (p *Program) session(ctx context.Context, process *Process, s settings) int {
	lines := io.Reader(nil)
	switch s.batch {
	case "":
	case "-":
		lines = p.Stdin
	default:
		f, err := os.Open(s.batch)
		if err != nil {
			p.complain(because(err, "option -b: %s", text.Quote(s.batch)))
			return StatusLost
		}
		defer f.Close()
		lines = f
	}
	var config []string // before everything else
	if lines != nil {
		config = append(config, "BatchMode yes")
	}
	l, err := login.New(&s.line, s.destination, config...)
	if err != nil {
		p.complain(err)
		return StatusLost
	}
	if err := p.startLog(l); err != nil {
		p.complain(err)
		return StatusLost
	}
	if !l.Quiet() {
		for _, w := range l.Warnings {
			fmt.Fprintln(p.Stderr, "cftp: "+w)
		}
	}
	files, status := p.open(ctx, process, l, s)
	if files == nil {
		return status
	}
	user := &User{Process: process, Explain: func(err error) string { return login.Explain(l.Target, err) }}
	status = p.use(ctx, user, files, s, lines)
	_ = files.Close() // the reason of a failure was printed
	if said := files.Client().Stderr(); said != "" && !l.Quiet() {
		fmt.Fprintln(p.Stderr, strings.TrimSuffix(text.Lines(said), "\n"))
	}
	return status
}

// startLog makes the packages of this module log what -v asks for.
func (p *Program) startLog(l *login.Login) error {
	level := slog.LevelWarn
	if l.Debug() > 0 {
		level = slog.LevelDebug
	}
	out := p.Stderr
	switch file := l.LogFile(); file {
	case "":
	case "-":
		out = p.Stdout
	default:
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) // open until the process ends
		if err != nil {
			return because(err, "option --logfile: %s", text.Quote(file))
		}
		out = f
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})))
	return nil
}

// open opens the session. It returns nil and an exit status if that fails.
func (p *Program) open(ctx context.Context, process *Process, l *login.Login, s settings) (*sftp.Files, int) {
	l.SetUI(client.NewConsoleUI(process.Reactor), p.Stderr)
	t := *l.Target
	t.User = ""
	o := sftp.OpenOptions{Options: t.Options, User: l.Target.User, Verify: t.Verify, Auth: t.Auth, Subsystem: s.subsystem}
	session, err := reactor.Await(ctx, process.Reactor, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(process.Reactor, t.String(), o)
	})
	switch {
	case err == nil:
		return session.Files(), 0
	case errors.Is(err, client.ErrInterrupted):
		process.Interrupted()
	case ctx.Err() == nil:
		fmt.Fprintln(p.Stderr, login.Explain(l.Target, err))
		if !l.Quiet() {
			fmt.Fprintln(p.Stderr, "Connection closed")
		}
	}
	return nil, StatusLost
}

// use does what the command line says in a session.
func (p *Program) use(ctx context.Context, user *User, files *sftp.Files, s settings, lines io.Reader) int {
	local, err := os.Getwd()
	if err != nil {
		p.complain(err)
		return statusFailed
	}
	shell := NewShell(files, local, p.Stdout, p.Stderr)
	shell.Quiet, shell.Defaults = s.quiet(), s.flags()
	if err := shell.Start(ctx); err != nil {
		p.complain(err)
		return StatusLost
	}
	if !shell.Quiet {
		fmt.Fprintf(p.Stderr, "Connected to %s.\n", text.Path(s.host()))
	}
	if lines == nil && p.Stdout == io.Writer(os.Stdout) {
		user.ShowProgress(shell)
	}
	if s.remote != "" {
		done, err := shell.Enter(ctx, s.remote, s.local)
		if done || err != nil {
			return statusOf(err)
		}
	}
	if lines == nil && p.Stdin == io.Reader(os.Stdin) && p.Stdout == io.Writer(os.Stdout) && user.CanInteract() {
		return user.Interact(ctx, shell, files)
	}
	shell.StopAtError = lines != nil
	b := Batch{Shell: shell, Lines: lines, Echo: true, StopAtError: lines != nil}
	if lines == nil {
		b.Lines = p.Stdin
		b.Ask = p.Stdin == io.Reader(os.Stdin) && term.IsTerminal(stdin)
		b.Echo = !b.Ask
	}
	return p.batch(ctx, user, files, b)
}

// batch runs a batch. It ends when the session is lost, also while it waits for
// its next line.
func (p *Program) batch(ctx context.Context, user *User, files *sftp.Files, b Batch) int {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	user.Process.Reactor.CallFromThread(func() {
		files.Client().WhenClosed().OnResult(func(_ struct{}, reason error) {
			stop(&failure{"the session was lost", errors.Join(sftp.ErrClosed, reason)})
		})
	})
	err := b.Run(ctx)
	if lost(err) {
		ctx, stop := context.WithTimeout(context.Background(), lostTimeout)
		defer stop()
		_, reason := reactor.Await(ctx, user.Process.Reactor, files.Client().WhenClosed)
		fmt.Fprintln(p.Stderr, user.explain(cmp.Or(reason, err)))
	}
	return statusOf(err)
}

// lostTimeout is how long a batch whose connection is lost waits for the reason.
const lostTimeout = time.Second

func statusOf(err error) int {
	switch {
	case err == nil:
		return 0
	case lost(err):
		return StatusLost
	}
	return statusFailed
}
