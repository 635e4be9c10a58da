package remote

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
)

// The names of the options that login does not have.
const (
	optTTY        = "tty"
	optNoTTY      = "notty"
	optNoShell    = "noshell"
	optNull       = "null"
	optFork       = "fork"
	optSubsystem  = "subsystem"
	optEscape     = "escape"
	optLocal      = "localforward"
	optRemote     = "remoteforward"
	optDynamic    = "D"
	optStdio      = "W"
	optGateway    = "g"
	optBind       = "b"
	optReconnect  = "reconnect"
	optVersion    = "version"
	optHelp       = "help"
	defaultEscape = "~"
)

var table = getopt.Table{
	Operands: 1,
	Unknown:  unknown,
	Options: append(login.Options("p", ""),
		getopt.Option{Letter: "t", Name: optTTY},
		getopt.Option{Letter: "T", Name: optNoTTY},
		getopt.Option{Letter: "N", Name: optNoShell},
		getopt.Option{Letter: "n", Name: optNull},
		getopt.Option{Letter: "f", Name: optFork},
		getopt.Option{Letter: "s", Name: optSubsystem},
		getopt.Option{Letter: "e", Name: optEscape, Argument: true},
		getopt.Option{Letter: "L", Name: optLocal, Argument: true},
		getopt.Option{Letter: "R", Name: optRemote, Argument: true},
		getopt.Option{Letter: "D", Name: optDynamic, Argument: true},
		getopt.Option{Letter: "W", Name: optStdio, Argument: true},
		getopt.Option{Letter: "g", Name: optGateway},
		getopt.Option{Letter: "b", Name: optBind, Argument: true},
		getopt.Option{Letter: "r", Name: optReconnect},
		getopt.Option{Letter: "V", Name: optVersion},
		getopt.Option{Letter: "h", Name: optHelp},
	),
}

// onlySSH are the other letters that ssh has.
const onlySSH = "BGIKMOPQSXYkwy"

func unknown(option string) error {
	if len(option) == 2 && strings.Contains(onlySSH, option[1:]) {
		return fmt.Errorf("remote: option %s of ssh is not supported; use ssh", option)
	}
	return nil
}

// lines returns the lines of ssh_config that the options stand for.
func lines(line *getopt.Line) ([]string, error) {
	var list []string
	one := func(name, text string) {
		if line.Has(name) {
			list = append(list, text)
		}
	}
	switch {
	case line.Has(optStdio) && line.Has(optSubsystem), line.Has(optNoShell) && line.Has(optSubsystem), line.Has(optStdio) && line.Has(optTTY):
		return nil, fmt.Errorf("remote: options -s, -t, -N and -W do not go together")
	case line.Has(optStdio), line.Has(optNoShell):
		list = append(list, "SessionType none", "RequestTTY no")
	}
	if line.Has(optStdio) && !line.Has(optLocal) && !line.Has(optRemote) && !line.Has(optDynamic) {
		list = append(list, "ClearAllForwardings yes", "ExitOnForwardFailure yes")
	}
	for _, g := range line.Given { // the last of -t and -T counts
		switch {
		case g.Name == optNoTTY:
			list = append([]string{"RequestTTY no"}, list...)
		case g.Name == optTTY && line.Count(optTTY) > 1:
			list = append([]string{"RequestTTY force"}, list...)
		case g.Name == optTTY:
			list = append([]string{"RequestTTY yes"}, list...)
		case g.Name == optLocal:
			list = append(list, forwardLine("LocalForward", g.Value))
		case g.Name == optRemote:
			list = append(list, remoteLine(g.Value))
		case g.Name == optDynamic:
			list = append(list, "DynamicForward "+login.Quote(g.Value))
		}
	}
	one(optSubsystem, "SessionType subsystem")
	one(optNull, "StdinNull yes")
	one(optFork, "ForkAfterAuthentication yes")
	one(optFork, "StdinNull yes")
	one(optGateway, "GatewayPorts yes")
	one(optEscape, "EscapeChar "+login.Quote(line.Value(optEscape)))
	one(optBind, "BindAddress "+login.Quote(line.Value(optBind)))
	return list, nil
}
