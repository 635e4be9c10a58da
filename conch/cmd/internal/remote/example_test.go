package remote_test

import (
	"fmt"
	"os"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/remote"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

func Example() {
	s, err := conchtest.Start(conchtest.Options{Exec: func(command string, ch gossh.Channel) uint32 {
		fmt.Fprintln(ch, "you said", command)
		return 3
	}})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		panic(err)
	}
	defer null.Close()
	c := remote.Command{Stdin: null, Stdout: os.Stdout, Stderr: os.Stderr, UI: func(*reactor.Reactor) client.UI { return user{s.Password} }}
	host, port := s.HostPort()
	status := c.Run([]string{"-F", "none", "-o", "StrictHostKeyChecking=accept-new", "--known-hosts", "/dev/null", "-p", fmt.Sprint(port), "-l", s.User, host, "hello"})
	fmt.Println("status", status)
	// Output:
	// you said hello
	// status 3
}
