package login_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
)

func Example() {
	table := getopt.Table{Options: login.Options("p", ""), Operands: 1}
	line, err := table.Parse([]string{"-F", "none", "-p", "2222", "me@example.org", "-o", "RequestTTY=force", "uptime"})
	if err != nil {
		panic(err)
	}
	l, err := login.New(&line, line.Operands[0])
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Target, l.Value("RequestTTY"), line.Operands[1:])
	// Output: me@example.org:2222 force [uptime]
}
