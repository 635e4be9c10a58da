package login

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sshconfig"
)

// The names of options: Twisted's long names, and ssh's letter where Twisted has
// none.
const (
	optUser      = "user"
	optPort      = "port"
	optIdentity  = "identity"
	optOption    = "option"
	optConfig    = "F"
	optJump      = "J"
	optVerbose   = "log"
	optQuiet     = "q"
	optLogFile   = "logfile"
	optCiphers   = "ciphers"
	optMACs      = "macs"
	optHostKeys  = "host-key-algorithms"
	optKnown     = "known-hosts"
	optAuth      = "user-authentications"
	optCompress  = "compress"
	optAgent     = "agent"
	optNoForward = "a"
	optNoAgent   = "noagent"
	optIPv4      = "4"
	optIPv6      = "6"
	optNoX11     = "nox11"
)

// options are the options for logging in. line is the line of ssh_config that
// an option stands for; %s is its value. An option without a line is handled
// elsewhere.
var options = []struct {
	getopt.Option
	line string
}{
	{getopt.Option{Letter: "l", Name: optUser, Argument: true}, ""},
	{getopt.Option{Letter: "p", Name: optPort, Argument: true}, "Port %s"},
	{getopt.Option{Letter: "i", Name: optIdentity, Argument: true}, ""},
	{getopt.Option{Letter: "o", Name: optOption, Argument: true}, ""},
	{getopt.Option{Letter: "F", Name: optConfig, Argument: true}, ""},
	{getopt.Option{Letter: "J", Name: optJump, Argument: true}, ""},
	{getopt.Option{Letter: "v", Name: optVerbose}, ""},
	{getopt.Option{Letter: "q", Name: optQuiet}, ""},
	{getopt.Option{Letter: "E", Name: optLogFile, Argument: true}, ""},
	{getopt.Option{Letter: "c", Name: optCiphers, Argument: true}, "Ciphers %s"},
	{getopt.Option{Letter: "m", Name: optMACs, Argument: true}, "MACs %s"},
	{getopt.Option{Name: optHostKeys, Argument: true}, "HostKeyAlgorithms %s"},
	{getopt.Option{Name: optKnown, Argument: true}, "UserKnownHostsFile %s"},
	{getopt.Option{Name: optAuth, Argument: true}, "PreferredAuthentications %s"},
	{getopt.Option{Letter: "C", Name: optCompress}, "Compression yes"},
	{getopt.Option{Letter: "A", Name: optAgent}, "ForwardAgent yes"},
	{getopt.Option{Letter: "a", Name: optNoForward}, "ForwardAgent no"},
	{getopt.Option{Name: optNoAgent}, "IdentityAgent none"},
	{getopt.Option{Letter: "4", Name: optIPv4}, "AddressFamily inet"},
	{getopt.Option{Letter: "6", Name: optIPv6}, "AddressFamily inet6"},
	{getopt.Option{Letter: "x", Name: optNoX11}, "ForwardX11 no"},
}

// Options returns the options of a command that logs in. port is the letter of
// the port: "p" for ssh and "P" for sftp. The letters of omit have another
// meaning in the command: these options have only their long name, and none at
// all without a long name.
func Options(port, omit string) []getopt.Option {
	var list []getopt.Option
	for _, o := range options {
		if o.Name == optPort {
			o.Letter = port
		} else if strings.Contains(omit, o.Letter) {
			o.Letter = ""
		}
		if o.Letter != "" || len(o.Name) > 1 {
			list = append(list, o.Option)
		}
	}
	return list
}

// single are options of which the last one counts, even against -o.
var single = []string{optCiphers, optMACs, optHostKeys, optKnown, optAuth}

// exclusive are options of which the last one of each row counts, even against
// -o.
var exclusive = [][]string{{optAgent, optNoForward}, {optIPv4, optIPv6}, {optCompress}, {optNoAgent}, {optNoX11}}

// configLines returns the lines of ssh_config that the options stand for, and
// warnings. The order follows ssh: letters whose last use counts precede
// everything, and the others are in the order of the command line.
func configLines(given []getopt.Given) (before, ordered, warnings []string, err error) {
	rows := slices.Clone(exclusive)
	for _, name := range single {
		rows = append(rows, []string{name})
	}
	jumped := false
	for i := len(given) - 1; i >= 0; i-- { // the last one first
		for r, row := range rows {
			if slices.Contains(row, given[i].Name) {
				before = append(before, lineOf(given[i]))
				rows[r] = nil
			}
		}
	}
	if level := logLevel(given); level != "" {
		before = append(before, "LogLevel "+level)
	}
	for _, g := range given {
		switch g.Name {
		case optUser:
			if g.Value == "" {
				return nil, nil, nil, errors.New("login: option -l: the user name is empty")
			}
		case optPort:
			ordered = append(ordered, lineOf(g))
		case optOption:
			ordered = append(ordered, g.Value)
		case optIdentity:
			path, err := identity(g.Value)
			if err != nil {
				warnings = append(warnings, err.Error())
				continue
			}
			ordered = append(ordered, "IdentityFile "+Quote(path))
		case optJump:
			if jumped {
				return nil, nil, nil, errors.New("login: option -J may be given once; put commas between jump hosts")
			}
			if hasLine(ordered, "proxycommand") || hasLine(ordered, "proxyjump") {
				return nil, nil, nil, errors.New("login: option -J does not go with ProxyCommand or ProxyJump")
			}
			jumped = true
			ordered = append(ordered, "ProxyJump "+g.Value)
		}
	}
	return before, ordered, warnings, nil
}

// lineOf returns the line of an option.
func lineOf(g getopt.Given) string {
	for _, o := range options {
		if o.Name == g.Name {
			return strings.Replace(o.line, "%s", Quote(g.Value), 1)
		}
	}
	return ""
}

// Quote returns a value as one argument of a line of ssh_config.
func Quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// keywordOf returns the keyword of a line, in lower case.
func keywordOf(line string) string {
	word := strings.Trim(line, " \t\"")
	if i := strings.IndexAny(word, " \t=\""); i >= 0 {
		word = word[:i]
	}
	return strings.ToLower(word)
}

func hasLine(lines []string, keyword string) bool {
	for _, l := range lines {
		if keywordOf(l) == keyword {
			return true
		}
	}
	return false
}

// logLevel returns the LogLevel of -v and -q, and "" without them.
func logLevel(given []getopt.Given) string {
	level := ""
	for _, g := range given {
		switch {
		case g.Name == optQuiet:
			level = "QUIET"
		case g.Name != optVerbose || level == "DEBUG3":
		case level == "DEBUG1", level == "DEBUG2":
			level = level[:5] + string(level[5]+1)
		default:
			level = "DEBUG1"
		}
	}
	return level
}

// identity returns the file of -i. It returns an error if there is no such file.
func identity(name string) (string, error) {
	path := name
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = home + "/" + rest
	}
	if _, err := os.Stat(path); err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return "", fmt.Errorf("identity file %s is not used: %w", text.Quote(name), err)
	}
	return path, nil
}

// load reads the configuration files.
func load(line *getopt.Line) (*sshconfig.Config, error) {
	switch file := line.Value(optConfig); {
	case !line.Has(optConfig):
		return sshconfig.Load()
	case strings.EqualFold(file, "none"):
		return &sshconfig.Config{}, nil
	default:
		return sshconfig.Load(file)
	}
}
