package login

import (
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/sshconfig"
)

// Login is a host to log in to, as the command line and the configuration files
// say.
type Login struct {
	Target   *client.Target
	Warnings []string // for the user, a line each

	host *sshconfig.Host
	log  string // the file of -E
}

// New returns the login for a command line: its options, which [Options] must
// contain, and a destination, [user@]host or ssh://[user@]host[:port]. lines are
// lines of ssh_config that come before those of the options and the files, for
// the command's own options.
//
// The values of options precede those of files. The errors say which option or
// which line of a file is wrong. New reads files, and runs the commands of Match
// exec: do not call it on the loop of a reactor.
func New(line *getopt.Line, destination string, lines ...string) (*Login, error) {
	given, err := parse(destination)
	if err != nil {
		return nil, err
	}
	config, err := load(line)
	if err != nil {
		return nil, err
	}
	before, ordered, warnings, err := configLines(line.Given)
	if err != nil {
		return nil, err
	}
	if config, err = config.Override(slices.Concat(lines, before, ordered)...); err != nil {
		return nil, err
	}
	l := &Login{Warnings: warnings, log: line.Value(optLogFile)}
	if l.host, err = config.Lookup(given.among(line.Given).name()); err != nil {
		return nil, err
	}
	l.Target, err = l.host.Target()
	return l, err
}

// Values returns the values of a keyword of ssh_config, in the form of ssh -G,
// with yes and no for true and false. It panics if there is no such keyword.
func (l *Login) Values(keyword string) []string {
	values, err := l.host.Get(keyword)
	if err != nil {
		panic(err)
	}
	return values
}

// Value returns the first value of a keyword, and "" if there is none.
func (l *Login) Value(keyword string) string {
	if values := l.Values(keyword); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Yes reports whether the value of a keyword is yes.
func (l *Login) Yes(keyword string) bool { return l.Value(keyword) == "yes" }

// Debug returns the number of -v, or of DEBUG in LogLevel: 0 to 3.
func (l *Login) Debug() int {
	level, ok := strings.CutPrefix(l.Value("LogLevel"), "DEBUG")
	switch {
	case !ok:
		return 0
	case level == "":
		return 1
	}
	return int(level[0] - '0')
}

// Quiet reports whether -q or LogLevel suppresses messages and errors.
func (l *Login) Quiet() bool { return l.Value("LogLevel") == "QUIET" }

// LogFile returns the file that messages go to instead of standard error: ""
// for none, "-" for standard output.
func (l *Login) LogFile() string { return l.log }
