package cftp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
)

func (s *Shell) run(ctx context.Context, line string) error {
	in, err := parse(line)
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return err
	}
	return s.execute(ctx, in)
}

// execute runs a command that was understood, and prints its errors.
func (s *Shell) execute(ctx context.Context, in input) error {
	if in.command == nil {
		return nil
	}
	return s.newCall(ctx, in, s.Out, s.Err).finish()
}

func (s *Shell) newCall(ctx context.Context, in input, out, err io.Writer) *call {
	return &call{Shell: s, ctx: ctx, command: in.command, typed: in.typed, flags: in.flags, args: in.args, rest: in.rest, out: out, err: err}
}

// finish runs the command, prints its failure, and returns the failure.
func (c *call) finish() error {
	err := c.command.run(c)
	if err != nil && err != errQuit {
		c.report(err)
	}
	if err == errQuit {
		return err
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return c.failed
}

// report prints an error, and makes the command fail. Nothing is printed if the
// user has stopped the command.
func (c *call) report(err error) {
	if c.failed == nil {
		c.failed = err
	}
	if c.ctx.Err() == nil {
		c.warn("%s", text.TrimPrefix(err))
	}
}

// warn prints a line that is no failure.
func (c *call) warn(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// notice prints a line for people who watch.
func (c *call) notice(format string, args ...any) {
	if !c.Quiet {
		c.printf(format+"\n", args...)
	}
}

// ask runs f on the loop, for a single operation.
func ask[T any](c *call, f func(*filetransfer.FileTransferClient) deferred.Deferred[T]) (T, error) {
	return sftp.Call(c.ctx, c.files, f)
}

// each runs f for the paths at the server that a word names, up to a failure if
// the batch would end there anyway. A word that matches nothing stands for
// itself, so that f fails with the server's reason.
func (c *call) each(w word, f func(path string) error) error {
	paths, err := c.match(w)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		paths = []string{w.under(c.remote).text}
	}
	for _, p := range paths {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		if err := f(p); err != nil {
			if c.StopAtError {
				return err
			}
			c.report(err)
			if lost(err) {
				break
			}
		}
	}
	return nil
}

// match returns the paths at the server that match a word with a wildcard, and
// the path of another word, which need not exist. A name with wildcards that
// exists is taken as it is.
func (c *call) match(w word) ([]string, error) {
	w = w.under(c.remote)
	if !w.wild {
		return []string{w.text}, nil
	}
	end := c.listing()
	paths, err := c.files.Glob(c.ctx, w.pattern)
	end()
	if err != nil && !errors.Is(err, errBadPattern) {
		return nil, because(err, "%s", text.Quote(w.text))
	}
	if len(paths) == 0 {
		if _, err := c.files.Lstat(c.ctx, w.text); err == nil {
			return []string{w.text}, nil
		}
	}
	return paths, context.Cause(c.ctx)
}
