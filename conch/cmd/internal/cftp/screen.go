package cftp

import (
	"context"
	"errors"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/reactor"
)

// maxWaiting is the largest number of keys that wait for the end of a command.
// The bell rings for further keys.
const maxWaiting = 4096

// screen is what the user sees: a prompt with a line that can be edited, and the
// output of commands. Only one of them is drawn at a time. Keys that are pressed
// while a command runs wait for the next prompt.
//
// Its methods belong to the loop.
type screen struct {
	recvline.HistoricRecvLine
	d *dialogue

	cancel   context.CancelCauseFunc // of the work that runs; nil means that none runs
	prompted bool                    // the prompt is on the screen
	midLine  bool                    // the last output has not ended its line
	waiting  []insults.Stroke
	stopped  bool // Ctrl-C was pressed while a command ran
	tabs     int  // how often Tab was pressed in a row

	held bool     // the screen is the producer of its transport
	full bool     // the terminal takes no more output for now
	room []func() // are called when it takes output again
}

var _ recvline.Line = (*screen)(nil)

func newScreen(d *dialogue) *screen {
	s := &screen{d: d}
	s.PS = [2]string{Prompt, Prompt}
	return s
}

// ConnectionMade sets the keys. It draws nothing.
func (s *screen) ConnectionMade() {
	s.held = false
	s.BindReadlineKeys()
	s.KeyHandlers[insults.Ctrl('c')] = s.clear
	s.KeyHandlers[insults.Ctrl('d')] = s.deleteOrEnd
	s.KeyHandlers[insults.Ctrl('z')] = s.suspend
	delete(s.KeyHandlers, insults.Stroke{Key: insults.KeyInsert}) // the terminal stays in one mode
}

// TerminalSize draws the line, or the progress, in the new width.
func (s *screen) TerminalSize(width, height int) {
	if s.prompted {
		s.SetSize(width, height)
		s.Redraw()
		return
	}
	s.SetSize(width, height)
	s.draw(s.d.meter.hide(width) + s.d.meter.again())
}

// width returns the number of columns.
func (s *screen) width() int {
	if s.d.connection == nil {
		return 80
	}
	width, _ := s.d.connection.TermSize()
	return width
}

// running reports whether a command runs.
func (s *screen) running() bool { return s.cancel != nil && !s.prompted }

// KeystrokeReceived handles a key, or lets it wait while something runs.
func (s *screen) KeystrokeReceived(key insults.Key, mod insults.Modifier) {
	stroke := insults.Stroke{Key: key, Modifier: mod}
	switch {
	case s.d.over:
	case s.cancel == nil && s.prompted:
		s.press(stroke)
	case stroke == insults.Ctrl('c'):
		s.interrupt()
	case stroke == insults.Ctrl('z'):
		s.suspend()
	case len(s.waiting) == maxWaiting:
		s.bell()
	default:
		s.waiting = append(s.waiting, stroke)
	}
}

func (s *screen) press(stroke insults.Stroke) {
	if stroke.Key == insults.KeyTab {
		s.tabs++
	} else {
		s.tabs = 0
	}
	s.HistoricRecvLine.KeystrokeReceived(stroke.Key, stroke.Modifier)
}

// pressWaiting handles the keys that wait, until one of them starts something.
func (s *screen) pressWaiting() {
	for len(s.waiting) > 0 && s.cancel == nil && s.prompted && !s.d.over {
		stroke := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.press(stroke)
	}
}

// prompt asks for a command.
func (s *screen) prompt() {
	if s.d.over || s.d.connection == nil {
		return
	}
	s.ownLine()
	s.prompted = true
	s.WritePrompt()
	s.pressWaiting()
}

// LineReceived runs a command.
func (s *screen) LineReceived(line string) {
	s.prompted = false
	if strings.TrimSpace(line) == "" {
		s.prompt()
		return
	}
	d := s.d
	s.work(func(ctx context.Context) func() {
		err := d.shell.Run(ctx, line)
		return func() { s.finished(err) }
	})
}

// work runs f on a goroutine, and the result of f on the loop. Meanwhile keys
// wait.
func (s *screen) work(f func(ctx context.Context) (done func())) {
	ctx, cancel := context.WithCancelCause(s.d.ctx)
	s.cancel = cancel
	d := s.d
	go func() { // ends soon after cancel was called
		defer func() {
			if failure := recover(); failure != nil {
				d.restore()
				panic(failure)
			}
		}()
		done := f(ctx)
		d.r.CallFromThread(func() {
			cancel(nil)
			s.cancel = nil
			if !d.over {
				done()
			}
		})
	}()
}

// finished is called when a command has ended.
func (s *screen) finished(err error) {
	d := s.d
	s.releaseOutput()
	stopped := s.stopped
	s.stopped = false
	if s.ownLine(); stopped {
		s.write("interrupted\n")
	}
	switch {
	case errors.Is(err, errQuit):
		d.end(0, nil)
	case d.gone:
		d.end(StatusLost, d.reason)
	case d.connection == nil:
		d.end(StatusLost, nil) // the terminal could not be taken again
	default:
		s.prompt()
	}
}

// interrupt stops the command that runs, or clears the line.
func (s *screen) interrupt() {
	switch {
	case s.d.over || s.d.connection == nil: // a local program has the terminal
	case s.cancel != nil:
		s.waiting, s.stopped = nil, true
		s.cancel(errInterrupted)
		(*flow)(s).ResumeProducing()
	case s.prompted:
		s.press(insults.Ctrl('c'))
	}
}

// stop stops the command that runs, at the end of the dialogue.
func (s *screen) stop() {
	s.waiting = nil
	if s.cancel != nil {
		s.cancel(nil)
	}
	s.releaseOutput()
}

// clear forgets the line and shows a new prompt.
func (s *screen) clear() {
	s.HandleEnd()
	s.write("^C\n")
	s.ClearLineBuffer()
	s.ResetHistoryPosition()
	s.WritePrompt()
}

// leave moves the cursor below the line that the user edits, or below the
// progress.
func (s *screen) leave() {
	if s.prompted {
		s.prompted = false
		s.EndLine()
	}
	s.ownLine()
}

// ownLine moves the cursor to the beginning of an empty line.
func (s *screen) ownLine() {
	s.draw(s.d.meter.done())
	if s.midLine {
		s.write("\n")
	}
}

// deleteOrEnd deletes the character at the cursor. In an empty line it ends the
// session.
func (s *screen) deleteOrEnd() {
	if s.LineBuffer() != "" {
		s.HandleDelete()
		return
	}
	s.leave()
	s.d.end(0, nil)
}

func (s *screen) bell() { s.draw("\a") }

// write writes lines of text.
func (s *screen) write(text string) {
	if text != "" {
		s.draw(text)
		s.midLine = !strings.HasSuffix(text, "\n")
	}
}

// draw writes text or control sequences that leave the cursor where it was, or
// in a line of the meter.
func (s *screen) draw(text string) {
	if text != "" && s.d.connection != nil {
		_, _ = s.d.connection.WriteString(text) // never fails
	}
}

// progress shows the progress of a transfer.
func (s *screen) progress(p sftp.Progress) {
	if s.stopped || !s.running() || s.d.over {
		return
	}
	if s.midLine {
		s.write("\n")
	}
	s.draw(s.d.meter.update(p))
}

// suspend stops the process, as Ctrl-Z does, until it continues.
func (s *screen) suspend() {
	c := s.d.connection
	if c == nil {
		return
	}
	t := c.Transport().(reactor.TerminalTransport)
	s.d.suspendProcess(func() { _ = t.SetRaw(false) }, func() { // errors: the terminal is gone, or soon is
		if s.d.connection != c {
			return
		}
		_ = t.SetRaw(true)
		if s.prompted { // below the output of the shell
			s.draw("\r\x1b[J")
			s.DrawInputLine()
		}
	})
}
