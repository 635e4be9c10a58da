package keygen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// The names of options in settings: the long name, if there is one.
const (
	optBits         = "bits"
	optFile         = "filename"
	optType         = "type"
	optComment      = "comment"
	optNewPass      = "newpass"
	optPass         = "pass"
	optFormat       = "format"
	optSubtype      = "private-key-subtype"
	optRounds       = "a"
	optFingerprint  = "fingerprint"
	optChangePass   = "changepass"
	optQuiet        = "quiet"
	optNoPassphrase = "no-passphrase"
	optShowPub      = "showpub"
	optHelp         = "help"
	optHash         = "E"
	optExport       = "e"
	optImport       = "i"
)

var options = []getopt.Option{
	{Letter: "b", Name: optBits, Argument: true},
	{Letter: "f", Name: optFile, Argument: true},
	{Letter: "t", Name: optType, Argument: true},
	{Letter: "C", Name: optComment, Argument: true},
	{Letter: "N", Name: optNewPass, Argument: true},
	{Letter: "P", Name: optPass, Argument: true},
	{Letter: "o", Name: optFormat, Argument: true},
	{Letter: "m", Name: optSubtype, Argument: true},
	{Letter: "a", Name: optRounds, Argument: true},
	{Letter: "l", Name: optFingerprint, Argument: false},
	{Letter: "p", Name: optChangePass, Argument: false},
	{Letter: "q", Name: optQuiet, Argument: false},
	{Letter: "", Name: optNoPassphrase, Argument: false},
	{Letter: "y", Name: optShowPub, Argument: false},
	{Letter: "h", Name: optHelp, Argument: false},
	{Letter: "E", Name: optHash, Argument: true},
	{Letter: "e", Name: optExport, Argument: false},
	{Letter: "i", Name: optImport, Argument: false},
}

// onlySSHKeygen are the other letters that ssh-keygen has.
const onlySSHKeygen = "ABDFGHIJKLMOQRSUVWYZcgknrsuvwxz"

// settings are the options that were given, by name, with their values.
type settings map[string]string

func (s settings) has(name string) bool { _, ok := s[name]; return ok }

// commandLine is how the command line is read.
var commandLine = getopt.Table{Options: options, Unknown: unknown}

func unknown(option string) error {
	if len(option) == 2 && strings.Contains(onlySSHKeygen, option[1:]) {
		return fmt.Errorf("keygen: option %s of ssh-keygen is not supported here; use ssh-keygen", option)
	}
	return nil
}

// parse reads a command line. The last of several equal options counts. The
// errors are usage errors.
func parse(args []string) (settings, error) {
	line, err := commandLine.Parse(args)
	if err != nil {
		return nil, usagef("%s", text.TrimPrefix(err))
	}
	if len(line.Operands) > 0 {
		return nil, usagef("unexpected argument %s; name a key file with -f", text.Quote(line.Operands[0]))
	}
	set := make(settings)
	for _, g := range line.Given {
		set[g.Name] = g.Value
	}
	return set, nil
}

// check returns a usage error if an option was given that the action does not
// have, or a file that is none.
func (s settings) check(a action) error {
	switch path := s[optFile]; {
	case s.has(optFile) && path == "":
		return usagef("option -f: the file has no name")
	case a.writes && path == stdinPath:
		return usagef("option -f: a key file to write must have a name; only -l, -y, -e and -i read standard input")
	}
	for _, o := range options {
		if !s.has(o.Name) || o.Name == a.option || o.Name == optQuiet || slices.Contains(a.takes, o.Name) {
			continue
		}
		return usagef("option %s does not go with %s", o, a.spelling())
	}
	return nil
}
