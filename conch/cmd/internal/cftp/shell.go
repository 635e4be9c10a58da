package cftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
)

// Shell runs commands on an SFTP session. Its methods block. They may be called
// from any goroutine but the loop's, by one goroutine at a time. The fields may
// be changed between calls.
type Shell struct {
	// Out and Err receive the output and the error messages of commands.
	Out, Err io.Writer

	// Progress, if not nil, is called on the loop while a command transfers
	// files, unless the user has turned progress off. ProgressDone, if not nil,
	// is called after each transfer, by the goroutine of Run, before its next
	// output.
	Progress     func(sftp.Progress)
	ProgressDone func()

	// System runs a command of the local shell in the directory dir, with the
	// terminal of the user. An empty line means an interactive shell. Nil means
	// that such commands run with Out and Err, and without input.
	System func(ctx context.Context, dir, line string) error

	// Width returns the number of columns for listings. Nil means 80.
	Width func() int

	// Quiet leaves out the lines that only say what a command does.
	Quiet bool

	// StopAtError ends a command at the first of several files that fails.
	StopAtError bool

	// Defaults are flags that all transfers have.
	Defaults Flags

	files        *sftp.Files
	home         string // the remote directory at the start
	remote       string // the remote directory
	local        string // the local directory; an absolute path
	hideProgress atomic.Bool
	listings     chan struct{} // has room for the listings in progress
}

// maxListings is the number of listings in progress when the commands of a batch
// run ahead. Each can take much memory.
const maxListings = 4

// listing waits until another listing may begin. The caller must call the
// function that it returns.
func (s *Shell) listing() (end func()) {
	s.listings <- struct{}{}
	return func() { <-s.listings }
}

// Flags are the options of a transfer.
type Flags struct {
	Continue  bool // -a
	Sync      bool // -f
	Preserve  bool // -p
	Recursive bool // -r
}

// NewShell returns a shell for a session, with the local directory local, which
// must be an absolute path. Start must be called before Run.
func NewShell(files *sftp.Files, local string, out, err io.Writer) *Shell {
	return &Shell{Out: out, Err: err, files: files, local: local, listings: make(chan struct{}, maxListings)}
}

// Start asks the server for the directory in which the session begins.
func (s *Shell) Start(ctx context.Context) error {
	home, err := s.files.RealPath(ctx, ".")
	if err != nil {
		return because(err, "Need cwd") // sftp's text
	}
	s.home, s.remote = home, home
	return nil
}

// Enter makes the session begin with the path of the command line. It reports
// true if the path was a file, which it has downloaded: the session ends then.
// A path with wildcards is such a file, too. local may be empty.
func (s *Shell) Enter(ctx context.Context, remote, local string) (done bool, err error) {
	w := wordOf(remote)
	c := &call{Shell: s, ctx: ctx, command: lookup("get"), typed: "get", args: []word{w}, out: s.Out, err: s.Err}
	p := w.under(s.remote).text
	info, err := s.files.Stat(ctx, p)
	if err == nil {
		c.args[0] = word{text: w.text, pattern: literalPattern(w.text)}
	}
	if err == nil && info.IsDir() && local == "" {
		c.command, c.typed = lookup("cd"), "cd"
		c.notice("Changing to: %s", text.Path(p))
		return false, c.finish()
	}
	if local != "" {
		c.args = append(c.args, word{text: local, pattern: literalPattern(local)})
	}
	return true, c.finish()
}

// Run runs one command line. It writes the output and all error messages, and
// returns an error if the command has failed. The error is errQuit for a
// command that ends the session, and the cause of ctx, which is not printed, if
// ctx has ended the command. The session can be used after that.
func (s *Shell) Run(ctx context.Context, line string) error { return s.run(ctx, line) }

// lost reports whether an error says that the session has ended.
func lost(err error) bool {
	return errors.Is(err, conch.ErrConnectionLost) || errors.Is(err, sftp.ErrClosed)
}

func cd(c *call) error {
	p := c.home
	if len(c.args) > 0 && c.args[0].text != "" {
		paths, err := c.match(c.args[0])
		switch {
		case err != nil:
			return err
		case len(paths) == 0:
			return failf("cd: nothing matches %s", text.Quote(c.args[0].text))
		case len(paths) > 1:
			return failf("cd: %s matches %d names", text.Quote(c.args[0].text), len(paths))
		}
		p = paths[0]
	}
	real, err := c.files.RealPath(c.ctx, p)
	if err != nil {
		return because(err, "realpath %s", text.Quote(p))
	}
	info, err := c.files.Stat(c.ctx, real)
	if err != nil {
		return because(err, "stat remote %s", text.Quote(real))
	}
	if !info.IsDir() {
		return failf("Can't change directory: %s is not a directory", text.Quote(real))
	}
	c.Shell.remote = real
	return nil
}

func pwd(c *call) error {
	c.printf("Remote working directory: %s\n", text.Path(c.remote))
	return nil
}

func lpwd(c *call) error {
	c.printf("Local working directory: %s\n", text.Path(c.local))
	return nil
}

func quit(*call) error { return errQuit }

func version(c *call) error {
	n, err := serverVersion(c)
	if err != nil {
		return err
	}
	c.printf("SFTP protocol version %d\n", n)
	return nil
}

func progress(c *call) error {
	now := !c.hideProgress.Load()
	c.hideProgress.Store(now)
	c.printf("Progress meter %s\n", map[bool]string{true: "disabled", false: "enabled"}[now])
	return nil
}

func help(c *call) error {
	if len(c.args) == 0 {
		c.printf("%s", helpText())
		return nil
	}
	found := lookup(c.args[0].text)
	if found == nil {
		return failf("There is no command %s", text.Quote(c.args[0].text))
	}
	c.printf("%s", found.line())
	return nil
}

func helpText() string {
	all := "Available commands:\n"
	for _, c := range commands {
		all += c.line()
	}
	return all
}

// line returns the line of the command in the help.
func (c *command) line() string {
	return fmt.Sprintf("%-28s %s\n", c.name+" "+c.usage, c.help)
}
