package porting

import (
	"flag"
	"fmt"
	"io"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/docs"
)

// Exit statuses.
const (
	statusFine    = 0
	statusMissing = 1 // with -strict: something has no Go name
	statusFailed  = 2 // usage, or something that cannot be read or written
)

const usage = `usage: fromtwisted [-json] [-strict] DIR

Reads the Python below DIR, or one file, and prints what a port of it to Go will
meet: the names of Twisted, the Go names, the differences, what is missing, and
the classes that derive from Twisted's.

  -json    print one JSON object
  -strict  exit with 1 if something of Twisted has no Go name
`

// Run runs fromtwisted with the arguments behind its name, and returns the exit
// status. It writes the report to stdout and errors to stderr.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fromtwisted", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	asJSON := flags.Bool("json", false, "")
	strict := flags.Bool("strict", false, "")
	err := flags.Parse(args)
	switch {
	case err == flag.ErrHelp:
		fmt.Fprint(stdout, usage)
		return statusFine
	case err != nil:
		return fail(stderr, err)
	case flags.NArg() != 1:
		fmt.Fprint(stderr, usage)
		return statusFailed
	}
	table, err := NewTable(docs.FromTwisted)
	if err != nil {
		return fail(stderr, err)
	}
	tree, err := Read(flags.Arg(0))
	if err != nil {
		return fail(stderr, err)
	}
	report := NewReport(table, tree)
	if *asJSON {
		err = report.WriteJSON(stdout)
	} else {
		err = report.WriteText(stdout)
	}
	switch {
	case err != nil:
		return fail(stderr, err)
	case tree.Failed:
		fmt.Fprintln(stderr, "fromtwisted: something could not be read; see the report")
		return statusFailed
	case *strict && report.HasMissing():
		return statusMissing
	}
	return statusFine
}

func fail(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "fromtwisted:", text.Line(text.TrimPrefix(err)))
	return statusFailed
}
