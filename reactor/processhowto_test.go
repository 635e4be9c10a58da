//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The examples in this file are the code of docs/howto/processes.md.

func ExampleGetProcessOutput() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		d := reactor.GetProcessOutput(r, "echo", []string{"hello"}, reactor.OutputOptions{})
		d.OnResult(func(out []byte, err error) {
			fmt.Printf("%q %v\n", out, err)
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: "hello\n" <nil>
}

func ExampleGetProcessOutputAndValue() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		opts := reactor.OutputOptions{Input: []byte("b\na\n"), MaxOutput: 1 << 20}
		opts.Env = []string{"LC_ALL=C"}
		d := reactor.GetProcessOutputAndValue(r, "sort", nil, opts)
		d.AddTimeout(r, time.Minute) // kills the program
		d.OnResult(func(result reactor.ProcessOutput, err error) {
			fmt.Printf("%q, exit code %d, %v\n", result.Out, result.Code, err)
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: "a\nb\n", exit code 0, <nil>
}

func ExampleGetProcessValue() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		d := reactor.GetProcessValue(r, "false", nil, reactor.OutputOptions{})
		d.OnResult(func(code int, err error) {
			fmt.Println(code, err)
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: 1 <nil>
}

// wordCount counts the words of a text with wc.
type wordCount struct {
	reactor.BaseProcessProtocol
	text   string
	out    []byte
	result deferred.Deferred[string]
}

func (w *wordCount) ConnectionMade() {
	w.Transport().Write([]byte(w.text))
	w.Transport().CloseStdin() // after the text is sent
}

func (w *wordCount) OutReceived(data []byte) { w.out = append(w.out, data...) }

func (w *wordCount) ProcessEnded(reason error) {
	if !errors.Is(reason, reactor.ErrProcessDone) {
		w.result.Errback(reason)
		return
	}
	w.result.Callback(string(bytes.TrimSpace(w.out)))
}

func ExampleReactor_SpawnProcess() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		w := &wordCount{text: "one two three", result: deferred.New[string]()}
		if _, err := r.SpawnProcess(w, "wc", []string{"wc", "-w"}, reactor.ProcessOptions{}); err != nil {
			w.result.Errback(err)
		}
		w.result.OnResult(func(words string, err error) {
			fmt.Println(words, err)
			_ = r.Stop()
		})
	})
	_ = r.Run()
	// Output: 3 <nil>
}

// watcher starts a program that runs until it is told to end.
type watcher struct {
	reactor.BaseProcessProtocol
	r *reactor.Reactor
}

func (w *watcher) OutReceived([]byte) {
	_ = w.Transport().SignalProcess("TERM") // an error: it has ended already
}

func (w *watcher) ProcessExited(reason error) { fmt.Println("exited:", reason) }

func (w *watcher) ProcessEnded(reason error) {
	if e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason); ok {
		fmt.Println("ended by signal", int(e.Signal), "exit code", e.ExitCode)
	}
	_ = w.r.Stop()
}

func Example_signalHowto() {
	r := reactor.New(reactor.Options{})
	w := &watcher{r: r}
	script := "echo started; exec sleep 1000"
	_, err := r.SpawnProcess(w, "/bin/sh", []string{"sh", "-c", script}, reactor.ProcessOptions{KillAfter: 5 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = r.Run()
	// Output:
	// exited: reactor: the process was ended by signal 15 (terminated)
	// ended by signal 15 exit code -1
}

// adder writes to descriptor 3 of a program and reads from its descriptor 4.
type adder struct {
	reactor.BaseProcessProtocol
	r *reactor.Reactor
}

func (a *adder) ConnectionMade() {
	if err := a.Transport().WriteToChild(3, []byte("40 2\n")); err != nil {
		fmt.Println(err)
	}
}

func (a *adder) ChildDataReceived(fd int, data []byte) { fmt.Printf("%d: %s", fd, data) }

func (a *adder) ProcessEnded(error) { _ = a.r.Stop() }

func Example_descriptorsHowto() {
	r := reactor.New(reactor.Options{})
	options := reactor.ProcessOptions{ChildFDs: map[int]reactor.ChildFD{
		2: reactor.InheritFile(os.Stderr),
		3: reactor.ParentWrites,
		4: reactor.ParentReads,
	}}
	script := "read a b <&3; echo $((a+b)) >&4"
	_, err := r.SpawnProcess(&adder{r: r}, "/bin/sh", []string{"sh", "-c", script}, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = r.Run()
	// Output: 4: 42
}

// screen shows what a program writes to its terminal.
type screen struct {
	reactor.BaseProcessProtocol
	r *reactor.Reactor
}

func (s *screen) OutReceived(data []byte) { fmt.Printf("%q\n", data) }
func (s *screen) ProcessEnded(error)      { _ = s.r.Stop() }

func Example_terminalHowto() {
	r := reactor.New(reactor.Options{})
	options := reactor.ProcessOptions{
		InheritEnv: true, UsePTY: true, WindowSize: reactor.WindowSize{Rows: 24, Columns: 80},
	}
	_, err := r.SpawnProcess(&screen{r: r}, "stty", []string{"stty", "size"}, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = r.Run()
	// Output: "24 80\r\n"
}

// dialogue sends lines to a program and prints the answers.
type dialogue struct {
	protocols.LineReceiver
	r *reactor.Reactor
}

func (d *dialogue) ConnectionMade() {
	d.Delimiter = []byte("\n")
	d.SendLine([]byte("hello"))
}

func (d *dialogue) LineReceived(line []byte) {
	fmt.Printf("%s\n", line)
	d.Transport().LoseConnection()
}

func (d *dialogue) ConnectionLost(reason error) {
	fmt.Println(reason)
	_ = d.r.Stop()
}

func Example_endpointHowto() {
	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		e := endpoints.NewProcessEndpoint(r, "cat", []string{"cat"}, endpoints.ProcessEndpointOptions{})
		endpoints.ConnectProtocol(e, &dialogue{r: r}).OnError(deferred.LogErr)
	})
	_ = r.Run()
	// Output:
	// hello
	// reactor: the connection was closed cleanly
}

func Example_fakeProcessHowto() {
	w := &wordCount{text: "one two three", result: deferred.New[string]()}
	w.result.OnResult(func(words string, err error) { fmt.Println(words, err) })
	p := reactortest.ConnectProcess(w, reactor.ProcessOptions{})
	fmt.Printf("%s, closed %v\n", p.Written[0], p.Closed)
	p.Receive(1, " 3\n")
	p.End(0) // all pipes close, and the exit code is 0
	// Output:
	// one two three, closed [0]
	// 3 <nil>
}
