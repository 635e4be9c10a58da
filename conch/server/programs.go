package server

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/ttymodes"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ProgramSession is a Session that runs real programs, as the user of this
// process: commands through the shell, and a login shell. It is Twisted's
// SSHSessionForUnixConchUser, without the change of the user. Set its fields in a
// function for NewSession.
//
// The shell gets a command as the client has sent it. A program that cannot be
// started ends with the exit status 127 or 126, as in a shell, and a message on
// stderr. There is no message of the day, and no ~/.ssh/rc: replace OpenShell,
// write the message to p.Session(), and call the replaced method.
type ProgramSession struct {
	BaseSession

	// Shell is the path of the shell. Empty means $SHELL, or /bin/sh.
	Shell string

	// Dir is the directory in which programs start. Empty means the home
	// directory. If it does not exist, programs start in "/".
	Dir string

	// Env are further variables for programs, as NAME=value. They override all
	// others. Programs do not get the variables of this process.
	Env []string

	// AcceptEnv are patterns, as of path.Match, for the names of variables that
	// the client may set. nil means LANG and LC_*. Variables that change which
	// code a program runs, or who it runs for, such as PATH, HOME and LD_*, need
	// an entry that is exactly their name.
	AcceptEnv []string

	// PermitUserEnvironment are such patterns for the variables that the options
	// of the user's key may set. nil means none. ~/.ssh/environment is not read.
	PermitUserEnvironment []string

	// NoPTY refuses terminals.
	NoPTY bool

	// AgentForwarding lets programs use the agent of a client that offers it
	// (ssh -A). SSH_AUTH_SOCK is the path of a socket for the connection, in a
	// private directory.
	AgentForwarding bool

	// LeaveRunning and KillAfter say what happens to a program when its client
	// goes; see SSHSessionProcessProtocol. By default the program, and what it
	// has started, gets SIGHUP. With LeaveRunning the program also outlives the
	// reactor.
	LeaveRunning bool
	KillAfter    time.Duration

	sent    accepted
	pty     bool
	term    string
	size    conch.WindowSize
	modes   []conch.TerminalMode
	program reactor.ProcessTransport
}

// SetEnv accepts variables that AcceptEnv lists.
func (s *ProgramSession) SetEnv(name, value string) deferred.Deferred[struct{}] {
	return s.sent.set(s.AcceptEnv, name, value)
}

// GetPty gives the program a terminal.
func (s *ProgramSession) GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}] {
	if s.NoPTY || strings.Contains(term, "\x00") {
		return refused()
	}
	s.pty, s.term, s.size, s.modes = true, term, size, modes
	return deferred.Succeed(struct{}{})
}

// AgentRequested gives programs the agent if AgentForwarding is set.
func (s *ProgramSession) AgentRequested(agent *ForwardedAgent) deferred.Deferred[struct{}] {
	if !s.AgentForwarding {
		return refused()
	}
	return deferred.Then(agent.Listen(), func(string) (struct{}, error) { return struct{}{}, nil })
}

// ExecCommand runs a command through the shell.
func (s *ProgramSession) ExecCommand(p *SSHSessionProcessProtocol, command string) deferred.Deferred[struct{}] {
	shell := s.shell()
	return s.spawn(p, shell, []string{filepath.Base(shell), "-c", command})
}

// OpenShell runs a login shell.
func (s *ProgramSession) OpenShell(p *SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	shell := s.shell()
	return s.spawn(p, shell, []string{"-" + filepath.Base(shell)})
}

func (s *ProgramSession) shell() string { return cmp.Or(s.Shell, os.Getenv("SHELL"), "/bin/sh") }

func (s *ProgramSession) spawn(p *SSHSessionProcessProtocol, shell string, args []string) deferred.Deferred[struct{}] {
	home, _ := os.UserHomeDir() // "/" is as good
	p.LeaveRunning, p.KillAfter, p.endKey = s.LeaveRunning, s.KillAfter, s.endKey()
	options := reactor.ProcessOptions{
		Env: s.environ(shell, home), Dir: s.dir(p, home),
		UsePTY: s.pty, WindowSize: terminalSize(s.size), TerminalEnv: "SSH_TTY", NewGroup: runtime.GOOS != "windows",
		PrepareTerminal: func(terminal *os.File) error { return setModes(terminal, s.modes) },
	}
	if !s.LeaveRunning {
		options.KillAfter = killAfter
	}
	t, err := s.Channel().Conn().Transport().Reactor().SpawnProcess(p, shell, args, options)
	if err != nil {
		s.cannotStart(p, err)
	}
	s.program = t
	return deferred.Succeed(struct{}{})
}

// endKey returns the key that ends the input of the terminal, or nothing without
// a terminal.
func (s *ProgramSession) endKey() string {
	if !s.pty {
		return ""
	}
	const opcode, disabled = 5, 255 // VEOF (RFC 4254, section 8)
	key := "\x04"
	for _, m := range s.modes {
		if m.Opcode == opcode {
			key = string([]byte{byte(m.Value)})
			if m.Value == disabled {
				key = ""
			}
		}
	}
	return key
}

// cannotStart ends a program that has not been started, as a shell would. A
// refusal would hide the reason from the user, and leave a client waiting that
// has asked for no answer.
func (s *ProgramSession) cannotStart(p *SSHSessionProcessProtocol, err error) {
	status := uint32(126)
	if errors.Is(err, fs.ErrNotExist) {
		status = 127
	}
	s.say(p, text.Line(text.TrimPrefix(err)))
	p.Session().Exit(status)
}

// say writes a line to the client's stderr, after the answer to the request.
func (s *ProgramSession) say(p *SSHSessionProcessProtocol, line string) {
	end := "\n"
	if s.pty {
		end = "\r\n"
	}
	ch := p.Session()
	ch.Conn().Transport().Reactor().CallFromThread(func() {
		ch.WriteExtended(conch.ExtendedDataStderr, []byte(line+end))
	})
}

// dir returns the directory in which a program starts.
func (s *ProgramSession) dir(p *SSHSessionProcessProtocol, home string) string {
	dir := cmp.Or(s.Dir, home, "/")
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	s.say(p, "cannot use the directory "+text.Quote(dir)+"; starting in /")
	return "/"
}

// killAfter is how long a program may go on when the reactor stops.
const killAfter = 2 * time.Second

// environ returns the variables of a program, those of OpenSSH's sshd. Of a
// variable that occurs twice, the later value counts.
func (s *ProgramSession) environ(shell, home string) []string {
	ch := s.Channel()
	login := ch.login()
	name := login.User
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	client, clientPort := hostPort(login.Remote)
	host, port := hostPort(login.Local)
	env := []string{
		"USER=" + name, "LOGNAME=" + name, "HOME=" + home, "SHELL=" + shell, "PATH=" + searchPath(), "MAIL=/var/mail/" + name,
		fmt.Sprintf("SSH_CLIENT=%s %s %s", client, clientPort, port),
		fmt.Sprintf("SSH_CONNECTION=%s %s %s %s", client, clientPort, host, port),
	}
	if s.pty {
		env = append(env, "TERM="+s.term)
	}
	env = slices.Concat(env, s.sent, s.keyEnv(), ch.originalEnv())
	if s.AgentForwarding {
		env = append(env, agentOf(ch.Conn()).env()...)
	}
	return append(env, s.Env...)
}

// keyEnv returns the variables of the options of the user's key. The first of a
// name counts.
func (s *ProgramSession) keyEnv() (env []string) {
	for _, pair := range s.Channel().login().Restrictions.Environment {
		if name, _, _ := strings.Cut(pair, "="); accepts(s.PermitUserEnvironment, name) {
			env = append(env, pair)
		}
	}
	slices.Reverse(env)
	return env
}

// searchPath returns the PATH of programs.
func searchPath() string {
	if os.Getuid() == 0 {
		return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
}

// hostPort returns the parts of an address, or UNKNOWN for what has none.
func hostPort(a net.Addr) (host, port string) {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "UNKNOWN", "65535"
	}
	return host, port
}

func terminalSize(s conch.WindowSize) reactor.WindowSize {
	short := func(v uint32) uint16 { return uint16(min(v, 1<<16-1)) }
	return reactor.WindowSize{Rows: short(s.Rows), Columns: short(s.Columns), Width: short(s.Width), Height: short(s.Height)}
}

// WindowChanged changes the size of the terminal.
func (s *ProgramSession) WindowChanged(size conch.WindowSize) {
	s.size = size
	if s.program != nil && s.pty {
		_ = s.program.SetWindowSize(terminalSize(size)) // it may have ended
	}
}

// SignalReceived sends the program, and what it has started, a signal. A client
// may send HUP, INT, KILL, QUIT, TERM, USR1 and USR2.
func (s *ProgramSession) SignalReceived(name string) bool {
	signal, ok := deliverable[name]
	return ok && s.program != nil && s.program.Signal(signal) == nil
}

// BreakReceived sends a break to the terminal.
func (s *ProgramSession) BreakReceived(time.Duration) bool {
	return s.program != nil && s.program.SendBreak() == nil
}

// setModes gives a terminal the modes that the client has asked for.
func setModes(terminal *os.File, modes []conch.TerminalMode) error {
	list := make([]ttymodes.Mode, len(modes))
	for i, m := range modes {
		list[i] = ttymodes.Mode(m)
	}
	return ttymodes.Set(terminal, list)
}
