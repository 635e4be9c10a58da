// Command process runs a program, sends it the lines of the standard input, and
// shows what it answers. Its exit code is that of the program.
//
//	process cat < file
//	process -terminal sh -c 'read name; echo "hello $name" >&2; exit 3'
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("process", flag.ExitOnError)
		terminal := flags.Bool("terminal", false, "give the program a terminal")
		_ = flags.Parse(args) // exits on errors
		if flags.NArg() == 0 {
			return deferred.Fail[struct{}](errors.New("name the program to run"))
		}
		return run(r, flags.Args(), *terminal, os.Stdin, os.Stdout)
	})
}

// talker is the protocol of the program. It prints each line that the program
// writes.
type talker struct {
	reactor.BaseProcessProtocol
	out     io.Writer
	partial map[int][]byte // the lines that are not complete, by descriptor
	done    deferred.Deferred[struct{}]
}

func (t *talker) OutReceived(data []byte) { t.show(1, "out", data) }
func (t *talker) ErrReceived(data []byte) { t.show(2, "err", data) }

// maxLine is the longest line that is shown in one piece.
const maxLine = 64 << 10

func (t *talker) show(fd int, name string, data []byte) {
	data = append(t.partial[fd], data...)
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole && len(line) < maxLine {
			break
		}
		fmt.Fprintf(t.out, "%s: %s\n", name, bytes.TrimSuffix(line, []byte("\r")))
		data = rest
	}
	t.partial[fd] = data
}

// ProcessEnded is called when the program has ended and all its output was
// shown.
func (t *talker) ProcessEnded(reason error) {
	for i, name := range []string{"out", "err"} {
		if fd := i + 1; len(t.partial[fd]) > 0 {
			t.show(fd, name, []byte("\n"))
		}
	}
	fmt.Fprintln(t.out, reason)
	e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason)
	switch {
	case errors.Is(reason, reactor.ErrProcessDone):
		t.done.Callback(struct{}{})
	case ok && e.Signal == 0:
		t.done.Errback(&task.ExitError{Code: e.ExitCode})
	default:
		t.done.Errback(reason)
	}
}

// run runs the program. Its Deferred fires when the program has ended.
func run(r *reactor.Reactor, args []string, terminal bool, in io.Reader, out io.Writer) deferred.Deferred[struct{}] {
	t := &talker{out: out, partial: make(map[int][]byte)}
	proc, err := r.SpawnProcess(t, args[0], args, reactor.ProcessOptions{
		InheritEnv: true,
		UsePTY:     terminal,
		KillAfter:  5 * time.Second, // Ctrl-C ends the program too
	})
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	t.done = deferred.New(func(deferred.Deferred[struct{}]) { proc.AbortConnection() })
	_ = proc.RegisterProducer(&feeder{r: r, proc: proc, in: bufio.NewReader(in), terminal: terminal}, false) // it is the first
	return t.done
}

// feeder is a producer that sends the lines of in to the program, and then the
// end of its input. It reads a line when the one before is sent, so a program
// that does not read costs no memory.
type feeder struct {
	r        *reactor.Reactor
	proc     reactor.ProcessTransport
	in       *bufio.Reader
	terminal bool
	stopped  bool
}

// ResumeProducing reads a line on a goroutine, because reading may block. A
// thread of the reactor would keep the program from ending meanwhile.
func (f *feeder) ResumeProducing() {
	go func() { // ends with the line, or with this process
		line, err := f.in.ReadBytes('\n')
		f.r.CallFromThread(func() { f.read(line, err) })
	}()
}

// read sends a line.
func (f *feeder) read(line []byte, err error) {
	if f.stopped {
		return
	}
	f.proc.Write(line)
	if err == nil {
		return
	}
	if f.terminal {
		f.proc.Write([]byte{4}) // Ctrl-D
	}
	f.proc.UnregisterProducer()
	f.proc.CloseStdin() // does nothing with a terminal
}

// StopProducing is called when the program has closed its input.
func (f *feeder) StopProducing() { f.stopped = true }
