package reactor_test

import (
	"bytes"
	"fmt"
	"os"

	"github.com/hawser-go/hawser/reactor"
)

// shouter answers what is typed in capital letters.
type shouter struct {
	reactor.BaseProtocol
	r *reactor.Reactor
}

func (s *shouter) DataReceived(data []byte) { s.Transport().Write(bytes.ToUpper(data)) }

func (s *shouter) ConnectionLost(error) { _ = s.r.Stop() }

func ExampleReactor_StandardIO() {
	stdin, typed, err := os.Pipe() // instead of the standard input
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stdin.Close()
	fmt.Fprintln(typed, "hello")
	typed.Close()

	r := reactor.New(reactor.Options{})
	r.CallWhenRunning(func() {
		if _, err := r.StandardIO(&shouter{r: r}, reactor.StandardIOOptions{Stdin: stdin}); err != nil {
			fmt.Println(err)
			_ = r.Stop()
		}
	})
	_ = r.Run()
	// Output: HELLO
}
