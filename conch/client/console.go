package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"golang.org/x/term"
)

// UI asks the user. Its methods are called on the loop and must not block.
// Cancelling a Deferred withdraws the question.
type UI interface {
	// Prompt asks a question and fires with true if the answer is yes.
	Prompt(question string) deferred.Deferred[bool]

	// ReadLine asks for a line. Without echo, the line must not be visible
	// while the user types it.
	ReadLine(prompt string, echo bool) deferred.Deferred[string]

	// Warn shows a text that needs no answer.
	Warn(text string)
}

// ErrInterrupted is the failure of a question that the user answered with
// Ctrl-C. Connect then fails and wraps ErrInterrupted.
var ErrInterrupted = errors.New("client: interrupted by the user")

// ConsoleUI asks on the controlling terminal of the process, not on stdin and
// stdout. It asks one question at a time. It is Twisted's ConsoleUI.
type ConsoleUI struct {
	r    *reactor.Reactor
	open func() (terminal, error)
	turn sync.Mutex // held by the goroutine that uses the terminal
}

// terminal is a terminal. Tests have one of their own.
type terminal interface {
	io.ReadWriteCloser
	// hide turns off echo and line editing; show turns them on again.
	hide() (show func(), err error)
	// giveUp makes a blocked Read return.
	giveUp()
}

// NewConsoleUI returns a UI on the controlling terminal of the process.
func NewConsoleUI(r *reactor.Reactor) *ConsoleUI { return &ConsoleUI{r: r, open: openTerminal} }

// Prompt asks until the answer is yes or no. An empty line and the end of the
// input mean no.
func (u *ConsoleUI) Prompt(question string) deferred.Deferred[bool] {
	return ask(u, func(tty terminal) (bool, error) { return askYesNo(tty, question) })
}

// ReadLine asks for a line. Without echo, Ctrl-C fails it with ErrInterrupted.
func (u *ConsoleUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	if echo {
		return ask(u, func(tty terminal) (string, error) { return readEchoed(tty, prompt) })
	}
	return ask(u, func(tty terminal) (string, error) { return readHidden(tty, prompt) })
}

// Warn writes text to the terminal. If there is no terminal, it writes to
// stderr.
func (u *ConsoleUI) Warn(text string) {
	text = strings.TrimRight(text, "\n") + "\n"
	ask(u, func(tty terminal) (struct{}, error) {
		_, err := io.WriteString(tty, text)
		return struct{}{}, err
	}).AddErrback(func(error) (struct{}, error) {
		_, _ = io.WriteString(os.Stderr, text) // there is no other place to report an error
		return struct{}{}, nil
	})
}

// ask runs a dialogue on a goroutine of its own, because the user may take any
// time. Cancelling the Deferred makes the terminal's Read return, which ends the
// dialogue and the goroutine. The reactor stops only after the terminal is
// restored.
func ask[T any](u *ConsoleUI, dialogue func(terminal) (T, error)) deferred.Deferred[T] {
	cancelled, over, stopping := make(chan struct{}), deferred.New[struct{}](), false
	d := deferred.New(func(deferred.Deferred[T]) { close(cancelled) })
	atExit := u.r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] {
		stopping = true
		d.Cancel()
		return over
	})
	go func() {
		v, err := u.talk(cancelled, func(tty terminal) (any, error) { return dialogue(tty) })
		u.r.CallFromThread(func() {
			if !stopping {
				_ = u.r.RemoveSystemEventTrigger(atExit) // it has not run
			}
			over.Callback(struct{}{})
			switch {
			case d.Called():
			case err != nil:
				d.Errback(err)
			default:
				d.Callback(v.(T))
			}
		})
	}()
	return d
}

// talk opens the terminal and runs the dialogue on it.
func (u *ConsoleUI) talk(cancelled <-chan struct{}, dialogue func(terminal) (any, error)) (any, error) {
	u.turn.Lock()
	defer u.turn.Unlock()
	select {
	case <-cancelled:
		return nil, deferred.ErrCancelled
	default:
	}
	tty, err := u.open()
	if err != nil {
		return nil, fmt.Errorf("client: no terminal to ask on: %w", err)
	}
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { // ends with the dialogue
		select {
		case <-cancelled:
			tty.giveUp()
		case <-over:
		}
	})
	v, err := dialogue(tty)
	close(over)
	watch.Wait()
	tty.Close()
	return v, err
}

// readEchoed asks for a line that the terminal shows.
func readEchoed(tty terminal, prompt string) (string, error) {
	if _, err := io.WriteString(tty, prompt); err != nil {
		return "", err
	}
	var line []byte
	for {
		var one [1]byte
		n, err := tty.Read(one[:])
		switch {
		case n > 0 && one[0] == '\n', err == io.EOF && len(line) > 0:
			return strings.TrimSuffix(string(line), "\r"), nil
		case err != nil:
			_, _ = io.WriteString(tty, "\n") // the terminal may be gone
			return "", err
		case n > 0 && len(line) < maxAnswer:
			line = append(line, one[0])
		}
	}
}

// maxAnswer is the size of a longest answer, in bytes. The rest is dropped.
const maxAnswer = 4096

// readHidden asks for a line that the terminal does not show.
func readHidden(tty terminal, prompt string) (string, error) {
	show, err := tty.hide()
	if err != nil {
		return "", err
	}
	defer show()
	before, last := "", prompt
	if i := strings.LastIndexByte(prompt, '\n'); i >= 0 {
		before, last = prompt[:i+1], prompt[i+1:]
	}
	if _, err := io.WriteString(tty, strings.ReplaceAll(before, "\n", "\r\n")); err != nil {
		return "", err
	}
	answer, err := term.NewTerminal(tty, "").ReadPassword(last)
	if err != nil {
		_, _ = io.WriteString(tty, "\r\n") // the terminal may be gone
	}
	if err == io.EOF {
		return "", ErrInterrupted
	}
	return answer, err
}

// tty is the terminal of the process.
type tty struct {
	in, out *os.File // may be the same file
}

func (t *tty) Read(p []byte) (int, error)  { return t.in.Read(p) }
func (t *tty) Write(p []byte) (int, error) { return t.out.Write(p) }

func (t *tty) Close() error {
	if t.out != t.in {
		t.out.Close()
	}
	return t.in.Close()
}

func (t *tty) giveUp() {
	if t.in.SetReadDeadline(time.Unix(1, 0)) != nil {
		t.in.Close() // a terminal without deadlines
	}
}

func (t *tty) hide() (show func(), err error) {
	raw, err := t.in.SyscallConn()
	if err != nil {
		return nil, err
	}
	var state *term.State
	if cerr := raw.Control(func(fd uintptr) { state, err = term.MakeRaw(int(fd)) }); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	return func() {
		_ = raw.Control(func(fd uintptr) { _ = term.Restore(int(fd), state) }) // the terminal may be gone
	}, nil
}
