//go:build unix

package reactor_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/internal/twistedtest"
)

const (
	stdioRecord  = "testdata/stdio.json"
	stdioProgram = "HAWSER_TEST_STDIO" // the program of a child, in JSON
)

// stdioCase is a program for StandardIO: what the protocol does at each event,
// and what happens outside.
type stdioCase struct {
	Name  string `json:"-"`
	stdin string // "pipe", "file" or "terminal"
	out   string // the same
	steps []string

	Half      bool     `json:"half,omitempty"`
	Made      []string `json:"made,omitempty"`
	Data      []string `json:"data,omitempty"`
	ReadLost  []string `json:"readlost,omitempty"`
	WriteLost []string `json:"writelost,omitempty"`
}

// stdioCases avoid two accidents of Twisted: data that is written just before
// the end of the input is usually lost, and LoseConnection after the reader of
// the output has closed it never ends.
var stdioCases = []stdioCase{
	{Name: "echo", Data: []string{"echo"}, steps: []string{"send 10", "read 10", "close in"}},
	{Name: "echo much", Data: []string{"echo"}, steps: []string{"send 300000", "read 300000", "close in"}},
	{Name: "end of input", steps: []string{"send 300000", "close in"}},
	{Name: "write and lose", Made: []string{"write 200000", "lose"}, steps: []string{"read 200000"}},
	{Name: "lose after data", Data: []string{"write 70000", "lose"}, steps: []string{"send 10", "read 70000"}},
	{Name: "half closer, end of input", Half: true, ReadLost: []string{"write 100000", "lose"}, steps: []string{"send 10", "close in", "read 100000"}},
	{Name: "half closer, closed output", Half: true, ReadLost: []string{"exit"}, steps: []string{"wait made", "close out", "wait writelost", "send 10", "wait data", "close in"}},
	{Name: "half closer, write in writelost", Half: true, WriteLost: []string{"write 10"}, ReadLost: []string{"exit"}, steps: []string{"wait made", "close out", "wait writelost", "close in"}},
	{Name: "closed output", steps: []string{"wait made", "close out", "send 10", "wait data", "close in"}},
	{Name: "closed output, then a write", Data: []string{"write 100"}, steps: []string{"wait made", "close out", "send 10", "wait data", "close in"}},
	{Name: "lose the output", Half: true, Made: []string{"write 100000", "losewrite"}, ReadLost: []string{"exit"}, steps: []string{"read 100000", "wait writelost", "send 10", "wait data", "close in"}},
	{Name: "raise in readlost", Half: true, ReadLost: []string{"raise"}, steps: []string{"close in"}},
	{Name: "raise in writelost", Half: true, WriteLost: []string{"raise"}, steps: []string{"wait made", "close out"}},
	{Name: "raise in data", Data: []string{"raise"}, steps: []string{"send 10"}},
	{Name: "input from a file", stdin: "file"},
	{Name: "output to a file", out: "file", Made: []string{"write 200000", "lose"}},
	{Name: "both files", stdin: "file", out: "file", Made: []string{"write 100"}},
	{Name: "a terminal", stdin: "terminal", out: "terminal", Data: []string{"echo"}, steps: []string{"type hello", "read 14", "type \x04"}},
}

// TestR501_R509_AgainstTwisted runs programs on StandardIO, and compares the
// events and the output with those recorded from Twisted. With HAWSER_LONG, it
// also runs the programs on Twisted, if that is installed. HAWSER_RECORD makes it
// record the results.
func TestR501_R509_AgainstTwisted(t *testing.T) {
	if text := os.Getenv(stdioProgram); text != "" {
		runStdioProgram(text)
	}
	recorded := make(map[string][]string)
	if data, err := os.ReadFile(stdioRecord); err == nil {
		if err := json.Unmarshal(data, &recorded); err != nil {
			t.Fatal(err)
		}
	}
	record := os.Getenv("HAWSER_RECORD") != ""
	twisted := (record || os.Getenv("HAWSER_LONG") != "") && twistedtest.Installed(t)
	for _, c := range stdioCases {
		t.Run(c.Name, func(t *testing.T) {
			want := recorded[c.Name]
			if twisted {
				theirs := c.run(t, twistedtest.Python, "testdata/stdio_driver.py")
				if record {
					recorded[c.Name], want = theirs, theirs
				}
				if !slices.Equal(theirs, want) {
					t.Errorf("%s: recorded %v, Twisted now does %v", stdioRecord, want, theirs)
				}
			}
			if ours := c.run(t, os.Args[0], "-test.run=^TestR501_R509_AgainstTwisted$"); !slices.Equal(ours, want) {
				t.Errorf("here    %v\nTwisted %v", ours, want)
			}
		})
	}
	if record && twisted {
		data, err := json.MarshalIndent(recorded, "", " ")
		if err == nil {
			err = os.WriteFile(stdioRecord, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run runs the program and returns its events, and its output as the last one.
func (c *stdioCase) run(t *testing.T, name string, args ...string) []string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, append(args, string(text))...)
	cmd.Env = append(os.Environ(), stdioProgram+"="+string(text))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	w := &stdioWorld{T: t, events: make(chan string, 1000)}
	w.connect(c, cmd)
	trace, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{far}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.sending.Wait()
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	far.Close()
	cmd.Stdin.(*os.File).Close()
	cmd.Stdout.(*os.File).Close()
	go func() { // ends with the program
		defer trace.Close()
		defer close(w.events)
		for lines := bufio.NewScanner(trace); lines.Scan(); {
			w.events <- lines.Text()
		}
	}()
	for _, step := range c.steps {
		w.do(step)
	}
	w.wait("") // the end
	output := w.output()
	err = cmd.Wait()
	if t.Failed() {
		t.Logf("%v; stderr: %s", err, &errs)
	}
	return append(w.seen, output)
}

// stdioWorld is what is around a program.
type stdioWorld struct {
	*testing.T
	in, out *os.File // the far ends; nil if closed
	file    string   // the output, if it is a file
	sending sync.WaitGroup
	events  chan string
	seen    []string
	got     int // bytes of output
}

// connect makes the files of the program.
func (w *stdioWorld) connect(c *stdioCase, cmd *exec.Cmd) {
	var stdin, stdout *os.File
	dir := w.TempDir()
	var err error
	switch c.stdin {
	case "file":
		name := filepath.Join(dir, "in")
		if err = os.WriteFile(name, pattern(100_000), 0o600); err == nil {
			stdin, err = os.Open(name)
		}
	case "terminal":
		w.in, stdin = openTerminal(w.T)
	default:
		stdin, w.in = blockingPipe(w.T)
	}
	if err != nil {
		w.Fatal(err)
	}
	switch c.out {
	case "file":
		w.file = filepath.Join(dir, "out")
		stdout, err = os.Create(w.file)
	case "terminal":
		w.out, stdout = w.in, stdin
	default:
		w.out, stdout = blockingPipe(w.T)
	}
	if err != nil {
		w.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = stdin, stdout
}

func pattern(n int) []byte { return bytes.Repeat([]byte("0123456789"), n/10+1)[:n] }

// do does one step.
func (w *stdioWorld) do(step string) {
	verb, what, _ := strings.Cut(step, " ")
	n, _ := strconv.Atoi(what)
	switch verb {
	case "send":
		w.sending.Go(func() { _, _ = w.in.Write(pattern(n)) }) // ends when the program has read all, or ends
	case "type":
		if what != "\x04" {
			what += "\n"
		}
		write(w.T, w.in, what)
	case "read":
		if _, err := io.ReadFull(w.out, make([]byte, n)); err != nil {
			w.Fatalf("%s: %v; events %v", step, err, w.seen)
		}
		w.got += n
	case "close":
		if what == "in" {
			w.sending.Wait()
			w.in.Close()
		} else {
			w.out.Close()
			w.out = nil
		}
	case "wait":
		w.wait(what)
	}
}

// wait waits for an event of the program, or for its end if what is "". Data
// that is delivered in several pieces counts as one event.
func (w *stdioWorld) wait(what string) {
	w.Helper()
	for event := range w.events {
		last := len(w.seen) - 1
		if n, ok := dataOf(event); ok && last >= 0 {
			if before, ok := dataOf(w.seen[last]); ok {
				w.seen[last] = fmt.Sprint("data ", before+n)
				event = ""
			}
		}
		if event != "" {
			w.seen = append(w.seen, event)
		}
		if what != "" && strings.HasPrefix(event, what) {
			return
		}
	}
	if what != "" {
		w.Errorf("no %q; events %v", what, w.seen)
	}
}

func dataOf(event string) (n int, ok bool) {
	_, err := fmt.Sscanf(event, "data %d", &n)
	return n, err == nil
}

// output reads the rest of the output, and returns how much there was and how
// it ended.
func (w *stdioWorld) output() string {
	var rest []byte
	switch {
	case w.file != "":
		rest, _ = os.ReadFile(w.file) // a missing file shows below
	case w.out == nil:
		return "the output is closed"
	default:
		rest, _ = io.ReadAll(w.out) // the end of a terminal is an error
	}
	return fmt.Sprintf("%d bytes, then %q", w.got+len(bytes.TrimSuffix(rest, []byte("tail"))), rest[max(len(rest)-4, 0):])
}

// stdioActor is the protocol of a program.
type stdioActor struct {
	reactor.BaseProtocol
	c *stdioCase
	r *reactor.Reactor
	f *os.File // gets the events
}

func (a *stdioActor) act(event string, actions []string) {
	fmt.Fprintln(a.f, event)
	for _, action := range actions {
		name, size, _ := strings.Cut(action, " ")
		n, _ := strconv.Atoi(size)
		switch name {
		case "write":
			a.Transport().Write(pattern(n))
		case "lose":
			a.Transport().LoseConnection()
		case "losewrite":
			a.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
		case "raise":
			panic(errTest)
		case "exit":
			os.Exit(0)
		}
	}
}

func (a *stdioActor) ConnectionMade() { a.act("made", a.c.Made) }

func (a *stdioActor) DataReceived(data []byte) {
	if slices.Contains(a.c.Data, "echo") {
		a.Transport().Write(data)
	}
	a.act(fmt.Sprint("data ", len(data)), a.c.Data)
}

func (a *stdioActor) ConnectionLost(reason error) {
	kind := "dirty"
	switch {
	case errors.Is(reason, reactor.ErrConnectionDone):
		kind = "clean"
	case errors.Is(reason, errTest):
		kind = "error"
	}
	a.act("lost "+kind, nil)
	_ = a.r.Stop()
}

// stdioHalfActor is a stdioActor that is a HalfCloser.
type stdioHalfActor struct{ stdioActor }

func (a *stdioHalfActor) ReadConnectionLost()  { a.act("readlost", a.c.ReadLost) }
func (a *stdioHalfActor) WriteConnectionLost() { a.act("writelost", a.c.WriteLost) }

// runStdioProgram is the child of TestR501_R509_AgainstTwisted.
func runStdioProgram(text string) {
	c := new(stdioCase)
	if err := json.Unmarshal([]byte(text), c); err != nil {
		panic(err)
	}
	r := reactor.New(reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	r.CallWhenRunning(func() {
		a := stdioActor{c: c, r: r, f: os.NewFile(3, "events")}
		var p reactor.Protocol = &a
		if c.Half {
			p = &stdioHalfActor{a}
		}
		_, _ = r.StandardIO(p, reactor.StandardIOOptions{}) // a failure shows in the events
	})
	_ = r.Run()
	_, _ = os.Stdout.WriteString("tail")
	os.Exit(0)
}
