package cftp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// Batch runs the lines of a file.
type Batch struct {
	Shell *Shell
	Lines io.Reader

	// Echo prints each line behind the prompt before its output.
	Echo bool

	// Ask prints the prompt before each line is read, for a user who types.
	Ask bool

	// StopAtError ends the batch at the first command that fails, unless a dash
	// stands before the command.
	StopAtError bool
}

// Prompt stands before each command.
const Prompt = "cftp> "

// maxLine is the length of the longest line of a batch, in bytes.
const maxLine = 1 << 20

// maxAhead is the number of commands that may run ahead of their turn.
const maxAhead = 64

// Run runs the lines up to the end of the file, a command that ends the session,
// the end of ctx, or an error. It returns an error if the batch did not run to
// its end. Commands that only read at the server run ahead of those before
// them; their output is printed when their turn comes. Nothing else begins
// before all commands before it have ended.
func (b *Batch) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &batchRun{Batch: b, ctx: ctx}
	lines := make(chan lineRead)
	go readLines(ctx, b.Lines, lines)
	err := r.run(lines)
	stop(errBatchOver)
	for _, a := range r.ahead {
		<-a.done
	}
	if err == errQuit {
		return nil
	}
	return err
}

var errBatchOver = errors.New("cftp: the batch has ended")

// lineRead is a line of the batch, or the end of the batch.
type lineRead struct {
	text string
	err  error
}

// readLines sends the lines, and at last io.EOF or another error.
func readLines(ctx context.Context, r io.Reader, to chan<- lineRead) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	send := func(l lineRead) bool {
		select {
		case to <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for scanner.Scan() {
		if !send(lineRead{text: scanner.Text()}) {
			return
		}
	}
	err := scanner.Err()
	if err == nil {
		err = io.EOF
	}
	send(lineRead{err: err})
}

// batchRun is a Batch in progress.
type batchRun struct {
	*Batch
	ctx   context.Context
	ahead []*ahead // in order
}

func (r *batchRun) run(lines <-chan lineRead) error {
	for {
		var next <-chan lineRead
		var first <-chan struct{}
		if len(r.ahead) < maxAhead {
			next = lines
		}
		if len(r.ahead) > 0 {
			first = r.ahead[0].done
		} else if r.Ask {
			fmt.Fprint(r.Shell.Out, Prompt)
		}
		select {
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-first:
			if err := r.turn(); err != nil {
				return err
			}
		case l := <-next:
			if err := r.add(l); err != nil {
				return err
			}
		}
	}
}

// add takes the next line, and waits for those before it if need be.
func (r *batchRun) add(l lineRead) error {
	if l.err == nil {
		a := r.begin(l.text)
		r.ahead = append(r.ahead, a)
		if a.mayRunAhead() {
			go a.run()
			return nil
		}
		close(a.done)
	}
	for len(r.ahead) > 0 {
		<-r.ahead[0].done
		if err := r.turn(); err != nil {
			return err
		}
	}
	switch l.err {
	case nil:
		return nil
	case io.EOF:
		if r.Ask {
			fmt.Fprintln(r.Shell.Out) // the user has typed Ctrl-D
		}
		return errQuit
	case bufio.ErrTooLong:
		return r.fail(failf("A line of the batch has more than %d bytes", maxLine))
	default:
		return r.fail(because(l.err, "Reading the batch"))
	}
}

func (r *batchRun) fail(err error) error {
	fmt.Fprintln(r.Shell.Err, err)
	return err
}

func (r *batchRun) begin(line string) *ahead {
	a := &ahead{line: line, done: make(chan struct{})}
	if a.in, a.failed = parse(line); a.failed == nil && a.in.command != nil {
		a.call = r.Shell.newCall(r.ctx, a.in, a.out.to(false), a.out.to(true))
	}
	return a
}

// turn ends the first command: it prints the output of one that has run, and
// runs the others.
func (r *batchRun) turn() error {
	a := r.ahead[0]
	r.ahead = r.ahead[1:]
	s := r.Shell
	if r.Echo && !a.in.silent {
		fmt.Fprintf(s.Out, "%s%s\n", Prompt, text.Path(a.line))
	}
	err := a.failed
	switch {
	case err != nil:
		fmt.Fprintln(s.Err, err)
	case a.call == nil:
	case a.in.command.reads && !a.out.full && !a.stale:
		a.out.play(s.Out, s.Err)
		err = a.result
	default:
		err = r.runNow(a)
	}
	switch {
	case err == nil:
		return nil
	case err == errQuit, lost(err), r.ctx.Err() != nil:
		return err
	case a.in.ignore || !r.StopAtError:
		return nil
	}
	return err
}

// runNow runs a command whose turn has come.
func (r *batchRun) runNow(a *ahead) error {
	c := a.call
	c.out, c.err, c.failed = r.Shell.Out, r.Shell.Err, nil
	if a.stale {
		c.fetched = nil
	}
	err := c.finish()
	for _, later := range r.ahead {
		if c.wrote != "" && later.call != nil && later.call.mayHaveRead(c.wrote) {
			later.stale = true
		}
	}
	return err
}
