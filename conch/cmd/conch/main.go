// Command conch is an SSH client: it runs a shell or a command on another
// machine, and forwards connections. It has the options of ssh and of Twisted's
// conch, and reads ssh_config.
//
//	conch me@example.org
//
// docs/conch.md is its manual.
package main

import (
	"os"

	"github.com/hawser-go/hawser/conch/cmd/internal/remote"
)

func main() { os.Exit(remote.New().Run(os.Args[1:])) }
