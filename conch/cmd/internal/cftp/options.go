package cftp

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// The names of options that are not those of package login: Twisted's long
// names, and sftp's letter where Twisted has none.
const (
	optBatch     = "batchfile"
	optBuffer    = "buffersize"
	optRequests  = "requests"
	optSubsystem = "subsystem"
	optReconnect = "reconnect"
	optContinue  = "a"
	optDirect    = "D"
	optSync      = "f"
	optLimit     = "l"
	optLoud      = "N"
	optPreserve  = "p"
	optRecursive = "r"
	optProgram   = "S"
	optTuning    = "X"
	optHelp      = "help"
	optVersion   = "version"
)

// help fits a terminal of 24 lines and 80 columns, with the prompt below.
const usageText = `usage: cftp [options] [user@]host[:path] [local]
       cftp [options] sftp://[user@]host[:port][/path]
A path that is a directory is where the session begins; a file is downloaded.

  -P, --port PORT       port of the server      -l is not sftp's: -o User=NAME
  -i, --identity FILE   private key             -F FILE   configuration of ssh
  -o, --option LINE     line of ssh_config      -J HOST   jump host
  -c, --ciphers LIST    ciphers                 -m, --macs LIST   MACs
  -s, --subsystem NAME  subsystem, or the path of a server program
  -b, --batchfile FILE  commands to run; - is standard input. The first error
                        ends cftp with status 1; a dash before a command ignores
                        its errors, @ does not print the command
  -a   continue transfers     -p   keep permissions and times
  -r   with directories       -f   write files to the disk at once (fsync)
  -N   not quiet in a batch   -q   quiet         -v   say what happens
  -C, --compress        compression             -4, -6   IPv4 or IPv6 only
  -B, --buffersize N    accepted; cftp chooses the sizes of requests itself,
  -R, --requests N      and how many are in flight; so does -X
  -V, --version         version                 -h, --help   this text
help in the session lists the commands. docs/cftp.md is the manual.
`

// table is the command line of cftp.
var table = getopt.Table{
	Options: append([]getopt.Option{
		{Letter: "b", Name: optBatch, Argument: true},
		{Letter: "B", Name: optBuffer, Argument: true},
		{Letter: "R", Name: optRequests, Argument: true},
		{Letter: "s", Name: optSubsystem, Argument: true},
		{Letter: "", Name: optReconnect},
		{Letter: "a", Name: optContinue},
		{Letter: "D", Name: optDirect, Argument: true},
		{Letter: "f", Name: optSync},
		{Letter: "l", Name: optLimit, Argument: true},
		{Letter: "N", Name: optLoud},
		{Letter: "p", Name: optPreserve},
		{Letter: "r", Name: optRecursive},
		{Letter: "S", Name: optProgram, Argument: true},
		{Letter: "X", Name: optTuning, Argument: true},
		{Letter: "h", Name: optHelp},
		{Letter: "V", Name: optVersion},
	}, login.Options("P", "alEx")...),
}

// refused are options of sftp and of Twisted's cftp that cannot be honoured,
// with what to do instead.
var refused = map[string]string{
	optDirect:    "cannot run a server without SSH; use sftp -D",
	optLimit:     "does not limit the bandwidth",
	optProgram:   "has its own SSH; use -o ProxyCommand",
	optReconnect: "does not reconnect; get -a and put -a continue transfers",
	"agent":      "does not forward the agent, which SFTP has no use for",
}

// settings are the options of a command line.
type settings struct {
	line        getopt.Line
	destination string // for package login
	remote      string // the path at the server; empty for none
	local       string
	batch       string // the file of -b
	subsystem   string
}

// readOptions reads the command line. Its errors are usage errors.
func readOptions(args []string) (s settings, err error) {
	if s.line, err = table.Parse(args); err != nil {
		return s, err
	}
	if s.line.Has(optHelp) || s.line.Has(optVersion) {
		return s, nil
	}
	for _, g := range s.line.Given {
		if why, ok := refused[g.Name]; ok {
			return s, fmt.Errorf("cftp: option %s: cftp %s", g.Option, why)
		}
		switch g.Name {
		case optBuffer, optRequests:
			err = positive(g.Option.String(), g.Value)
		case optTuning:
			err = tuning(g.Value)
		}
		if err != nil {
			return s, err
		}
	}
	switch n := len(s.line.Operands); {
	case n == 0:
		return s, fmt.Errorf("cftp: the host is missing")
	case n > 2:
		return s, fmt.Errorf("cftp: too many arguments; options stand before the host")
	case n == 2:
		s.local = s.line.Operands[1]
	}
	if len(s.line.Values(optBatch)) > 1 {
		return s, fmt.Errorf("cftp: option -b may be given once")
	}
	s.batch, s.subsystem = s.line.Value(optBatch), s.line.Value(optSubsystem)
	if s.line.Has(optBatch) && s.batch == "" {
		return s, fmt.Errorf("cftp: option -b: the file has no name")
	}
	if s.line.Has(optSubsystem) && s.subsystem == "" {
		return s, fmt.Errorf("cftp: option -s: the name is empty")
	}
	s.destination, s.remote, err = login.SplitPath(s.line.Operands[0])
	if err == nil && s.local != "" && s.remote == "" {
		err = fmt.Errorf("cftp: a local path needs a remote one: host:path local")
	}
	return s, err
}

// positive returns an error if the value of an option is not a positive number.
func positive(option, value string) error {
	if n, err := strconv.ParseUint(value, 10, 31); err != nil || n == 0 {
		return fmt.Errorf("cftp: option %s: %s is not a positive number", option, text.Quote(value))
	}
	return nil
}

// tuning checks a value of -X.
func tuning(value string) error {
	name, number, _ := strings.Cut(value, "=")
	if name != "nrequests" && name != "buffer" {
		return fmt.Errorf("cftp: option -X: %s is neither nrequests=N nor buffer=N", text.Quote(value))
	}
	return positive("-X "+name, number)
}

// flags returns the flags that all transfers have.
func (s *settings) flags() Flags {
	return Flags{
		Continue:  s.line.Has(optContinue),
		Sync:      s.line.Has(optSync),
		Preserve:  s.line.Has(optPreserve),
		Recursive: s.line.Has(optRecursive),
	}
}

// host returns the name of the host, as the user has typed it.
func (s *settings) host() string {
	host := strings.TrimPrefix(s.destination, "ssh://")
	return host[strings.LastIndexByte(host, '@')+1:]
}

// quiet reports whether lines that only say what happens are left out.
func (s *settings) quiet() bool {
	return s.line.Has("q") || s.batch != "" && !s.line.Has(optLoud)
}
