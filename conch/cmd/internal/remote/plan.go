package remote

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/getopt"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

// plan is what the command line and the files ask for.
type plan struct {
	*login.Login
	name         string          // the destination, as the user names it
	session      *client.Command // nil for -N and -W
	force        bool            // a terminal even if standard input is none
	stdio        address         // of -W
	forwards     []forwarding
	strict       bool // ExitOnForwardFailure
	unlink       bool // StreamLocalBindUnlink
	noInput      bool // -n
	escape       int  // the escape character; noEscape for none
	localCommand string
	reconnect    bool
	background   bool // -f
}

// noEscape is the value of plan.escape for no escape character.
const noEscape = -1

func newPlan(line *getopt.Line) (*plan, error) {
	own, err := lines(line)
	if err != nil {
		return nil, err
	}
	p := &plan{name: line.Operands[0], reconnect: line.Has(optReconnect)}
	if p.Login, err = login.New(line, p.name, own...); err != nil {
		return nil, err
	}
	if value := line.Value(optStdio); value != "" || line.Has(optStdio) {
		if p.stdio, err = stdioAddress(value); err != nil {
			return nil, err
		}
		if len(line.Operands) > 1 {
			return nil, errors.New("remote: option -W runs no command")
		}
	}
	p.strict, p.unlink = p.Yes("ExitOnForwardFailure"), p.Yes("StreamLocalBindUnlink")
	p.noInput, p.background = p.Yes("StdinNull"), p.Yes("ForkAfterAuthentication")
	for _, step := range []func([]string) error{p.setSession, p.setForwards, p.setLocalCommand} {
		if err := step(line.Operands[1:]); err != nil {
			return nil, err
		}
	}
	p.escape, err = escapeCharacter(p.Value("EscapeChar"))
	if p.background && p.session != nil && p.session.Line == "" {
		err = errors.New("remote: cannot go to the background without a command; name one, or use -N")
	}
	return p, err
}

// setSession sets what runs on the server.
func (p *plan) setSession(command []string) error {
	line, configured := strings.Join(command, " "), p.Value("RemoteCommand")
	if configured == "none" {
		configured = ""
	}
	switch kind := p.Value("SessionType"); {
	case kind == "none" && line != "":
		return errors.New("remote: a command does not go with -N")
	case kind == "none":
		return nil
	case kind == "subsystem" && line == "" && configured == "":
		return errors.New("remote: option -s needs the name of a subsystem as the command")
	case line != "" && configured != "":
		return errors.New("remote: RemoteCommand is set, and there is a command on the command line")
	case configured != "":
		var err error
		if line, err = p.Expand(configured); err != nil {
			return fmt.Errorf("remote: RemoteCommand: %w", err)
		}
		fallthrough
	default:
		p.session = &client.Command{Line: line, Subsystem: kind == "subsystem", Env: p.environment(os.Environ())}
	}
	switch p.Value("RequestTTY") {
	case "no":
	case "force":
		p.force = true
		fallthrough
	case "yes":
		p.session.Terminal = &client.Terminal{}
	default: // auto
		if line == "" {
			p.session.Terminal = &client.Terminal{}
		}
	}
	return nil
}

// environment returns the variables for the server: those of SetEnv, and those of
// ours whose names match SendEnv.
func (p *plan) environment(ours []string) [][2]string {
	var env [][2]string
	for _, v := range ours {
		name, value, _ := strings.Cut(v, "=")
		for _, pattern := range p.Values("SendEnv") {
			if wildcard.Match(name, pattern) {
				env = append(env, [2]string{name, value})
				break
			}
		}
	}
	for _, v := range p.Values("SetEnv") {
		name, value, _ := strings.Cut(v, "=")
		env = append(env, [2]string{name, value})
	}
	return env
}

func (p *plan) setForwards([]string) error {
	if p.Value("Tunnel") != "" && p.Value("Tunnel") != "no" {
		return errors.New("remote: Tunnel is not supported; use ssh")
	}
	if p.Yes("ClearAllForwardings") {
		return nil
	}
	if open := p.Values("PermitRemoteOpen"); len(open) > 0 && open[0] != "any" {
		return errors.New("remote: PermitRemoteOpen is not supported; remove it, or set it to any")
	}
	for _, keyword := range []string{"LocalForward", "RemoteForward", "DynamicForward"} {
		for _, value := range p.Values(keyword) {
			p.forwards = append(p.forwards, newForwarding(keyword, value, p.Yes("GatewayPorts")))
		}
	}
	return nil
}

func (p *plan) setLocalCommand([]string) (err error) {
	if command := p.Value("LocalCommand"); command != "" && command != "none" && p.Yes("PermitLocalCommand") {
		if p.localCommand, err = p.Expand(command); err != nil {
			return fmt.Errorf("remote: LocalCommand: %w", err)
		}
	}
	return nil
}

// escapeCharacter reads the value of EscapeChar: none, a character, or ^ and a
// letter.
func escapeCharacter(value string) (int, error) {
	switch {
	case value == "":
		value = defaultEscape
	case strings.EqualFold(value, "none"):
		return noEscape, nil
	}
	switch {
	case len(value) == 1:
		return int(value[0]), nil
	case len(value) == 2 && value[0] == '^':
		return int(value[1] & 31), nil
	}
	return 0, fmt.Errorf("remote: bad escape character %s; use one character, ^ and a letter, or none", text.Quote(value))
}
