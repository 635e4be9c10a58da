// Command fromtwisted reads a tree of Python and prints what a port of it to Go
// will meet: the names of Twisted, the Go names, and what differs or is missing.
//
//	fromtwisted src/program
//
// docs/fromtwisted.md is its manual.
package main

import (
	"os"

	"github.com/hawser-go/hawser/conch/cmd/internal/porting"
)

func main() { os.Exit(porting.Run(os.Args[1:], os.Stdout, os.Stderr)) }
