package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// fakeTerminal is a terminal with prepared input. After the input, Read blocks.
type fakeTerminal struct {
	typed io.Reader

	mu      sync.Mutex // guards the rest
	shown   []byte
	hidden  bool
	hides   int
	closed  bool
	given   chan struct{} // closed by giveUp
	reading chan struct{} // receives an element when Read blocks
}

func newFakeTerminal(typed io.Reader) *fakeTerminal {
	return &fakeTerminal{typed: typed, given: make(chan struct{}), reading: make(chan struct{}, 1)}
}

func (f *fakeTerminal) Read(p []byte) (int, error) {
	if n, err := f.typed.Read(p); err != io.EOF {
		return n, err
	}
	f.reading <- struct{}{}
	<-f.given
	return 0, io.ErrClosedPipe
}

func (f *fakeTerminal) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = append(f.shown, p...)
	return len(p), nil
}

func (f *fakeTerminal) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *fakeTerminal) giveUp() { close(f.given) }

func (f *fakeTerminal) hide() (func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden = true
	f.hides++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hidden = false
	}, nil
}

func (f *fakeTerminal) want(t *testing.T, shown string, hides int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if string(f.shown) != shown || f.hidden || f.hides != hides || !f.closed {
		t.Errorf("shown %q, hidden %v after %d times, closed %v; want %q", f.shown, f.hidden, f.hides, f.closed, shown)
	}
}

func consoleOn(t *testing.T, typed io.Reader) (*reactor.Reactor, *fakeTerminal, *ConsoleUI) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	f := newFakeTerminal(typed)
	return r, f, &ConsoleUI{r: r, open: func() (terminal, error) { return f, nil }}
}

// TestConsole_Prompt: C-CLIENT-47.
func TestConsole_Prompt(t *testing.T) {
	for typed, want := range map[string]bool{"yes\n": true, " YES \n": true, "no\n": false, "\n": false, "perhaps\nyes\n": true} {
		t.Run(fmt.Sprintf("%q", typed), func(t *testing.T) {
			r, f, u := consoleOn(t, reader(typed))
			got, err := reactor.Await(t.Context(), r, func() deferred.Deferred[bool] { return u.Prompt("Sure? ") })
			if got != want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
			shown := "Sure? "
			if typed == "perhaps\nyes\n" {
				shown += "Please type yes or no: "
			}
			f.want(t, shown, 0)
		})
	}
}

// reader returns the text one byte at a time, as a terminal may.
func reader(text string) io.Reader { return &slowReader{text} }

type slowReader struct{ text string }

func (s *slowReader) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], s.text)
	s.text = s.text[n:]
	return n, nil
}

// TestConsole_ReadLine: C-AUTH-37, C-AUTH-38.
func TestConsole_ReadLine(t *testing.T) {
	for _, row := range []struct {
		name, typed, shown, want string
		echo                     bool
		err                      error
	}{
		{"echoed", "my answer\r\n", "Prompt: ", "my answer", true, nil},
		{"hidden", "my secret\r", "Prompt: \r\n", "my secret", false, nil},
		{"interrupted", "my sec\x03", "Prompt: \r\n\r\n", "", false, ErrInterrupted},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, f, u := consoleOn(t, reader(row.typed))
			got, err := reactor.Await(t.Context(), r, func() deferred.Deferred[string] { return u.ReadLine("Prompt: ", row.echo) })
			if got != row.want || !errors.Is(err, row.err) {
				t.Errorf("got %q, %v", got, err)
			}
			hides := 1
			if row.echo {
				hides = 0
			}
			f.mu.Lock()
			shown := string(f.shown)
			f.mu.Unlock()
			f.want(t, shown, hides)
			if shown[:len("Prompt: ")] != "Prompt: " || row.echo && shown != row.shown {
				t.Errorf("shown %q", shown)
			}
		})
	}
}

// TestConsole_Cancel cancels a question before the user answers, and a second
// question that waits for the first. The next output starts on a new line.
func TestConsole_Cancel(t *testing.T) {
	for _, echo := range []bool{false, true} {
		t.Run(fmt.Sprint("echo=", echo), func(t *testing.T) { consoleCancel(t, echo) })
	}
}

func consoleCancel(t *testing.T, echo bool) {
	r, f, u := consoleOn(t, reader(""))
	var first, second deferred.Deferred[string]
	onLoop := func(f func()) {
		_, _ = reactor.Await(t.Context(), r, func() deferred.Deferred[bool] {
			f()
			return deferred.Succeed(true)
		})
	}
	onLoop(func() { first = u.ReadLine("Question: ", echo) })
	<-f.reading
	onLoop(func() {
		second = u.ReadLine("Other: ", false)
		second.Cancel()
		first.Cancel()
		for _, d := range []deferred.Deferred[string]{first, second} {
			if _, err, _ := d.Result(); !errors.Is(err, deferred.ErrCancelled) {
				t.Errorf("got %v", err)
			}
			d.AddErrback(func(error) (string, error) { return "", nil })
		}
	})
	u.turn.Lock() // waits until the dialogue is over
	defer u.turn.Unlock()
	if !strings.HasPrefix(string(f.shown), "Question: ") || !strings.HasSuffix(string(f.shown), "\n") || (f.hides == 0) != echo {
		t.Errorf("shown %q", f.shown)
	}
}

// TestConsole_Shutdown: the reactor stops only after the terminal is restored.
func TestConsole_Shutdown(t *testing.T) {
	r := reactor.New(reactor.Options{NoSignals: true})
	f := newFakeTerminal(reader(""))
	u := &ConsoleUI{r: r, open: func() (terminal, error) { return f, nil }}
	r.CallWhenRunning(func() {
		u.ReadLine("Password: ", false).AddErrback(func(error) (string, error) { return "", nil })
	})
	go func() { // ends after the question is shown
		<-f.reading
		_ = r.Stop()
	}()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hidden || !f.closed || f.hides != 1 {
		t.Errorf("hidden %v, closed %v", f.hidden, f.closed)
	}
}

// TestConsole_NoTerminal: C-CLIENT-26.
func TestConsole_NoTerminal(t *testing.T) {
	r, _, u := consoleOn(t, reader(""))
	missing := errors.New("no such device")
	u.open = func() (terminal, error) { return nil, missing }
	if _, err := reactor.Await(t.Context(), r, func() deferred.Deferred[bool] { return u.Prompt("Sure? ") }); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
}
