// Command cftp transfers files over SFTP, interactively or from a file of
// commands. It has the commands and options of sftp and of Twisted's cftp.
//
//	cftp me@example.org
//
// docs/cftp.md is its manual.
package main

import (
	"os"

	"github.com/hawser-go/hawser/conch/cmd/internal/cftp"
)

func main() { os.Exit(cftp.New().Run(os.Args[1:])) }
