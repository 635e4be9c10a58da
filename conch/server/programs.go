package server

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ProgramSession is a Session that runs real programs, as the user of this
// process: commands through the shell, and a login shell. It is Twisted's
// SSHSessionForUnixConchUser, without the change of the user. Set its fields in a
// function for NewSession.
//
// When the client goes, a program gets SIGHUP, with a terminal or without.
type ProgramSession struct {
	BaseSession

	// Shell is the path of the shell. Empty means $SHELL, or /bin/sh.
	Shell string

	// Dir is the directory in which programs start. Empty means the home
	// directory.
	Dir string

	// Env are further variables for programs, as NAME=value. Programs do not get
	// the variables of this process.
	Env []string

	// AcceptEnv are patterns, as of path.Match, for the names of variables that
	// the client may set. nil means LANG and LC_*.
	AcceptEnv []string

	// NoPTY refuses terminals.
	NoPTY bool

	sent    []string // variables of the client
	pty     bool
	term    string
	size    conch.WindowSize
	modes   []conch.TerminalMode
	program reactor.ProcessTransport
}

var defaultAcceptEnv = []string{"LANG", "LC_*"}

// SetEnv accepts variables that AcceptEnv lists.
func (s *ProgramSession) SetEnv(name, value string) deferred.Deferred[struct{}] {
	accept := s.AcceptEnv
	if accept == nil {
		accept = defaultAcceptEnv
	}
	matches := func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	}
	original := name == originalCommand
	if !original && (!slices.ContainsFunc(accept, matches) || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00")) {
		return refused()
	}
	s.sent = append(s.sent, name+"="+value)
	return deferred.Succeed(struct{}{})
}

// GetPty gives the program a terminal.
func (s *ProgramSession) GetPty(term string, size conch.WindowSize, modes []conch.TerminalMode) deferred.Deferred[struct{}] {
	if s.NoPTY || strings.Contains(term, "\x00") {
		return refused()
	}
	s.pty, s.term, s.size, s.modes = true, term, size, modes
	return deferred.Succeed(struct{}{})
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
	options := reactor.ProcessOptions{
		Env: s.environ(shell, home), Dir: cmp.Or(s.Dir, home, "/"),
		UsePTY: s.pty, WindowSize: terminalSize(s.size), NewGroup: runtime.GOOS != "windows", KillAfter: killAfter,
		PrepareTerminal: func(terminal *os.File) error { return setModes(terminal, s.modes) },
	}
	t, err := s.Channel().Conn().Transport().Reactor().SpawnProcess(p, shell, args, options)
	if err != nil {
		return deferred.Fail[struct{}](err)
	}
	s.program = t
	return deferred.Succeed(struct{}{})
}

// killAfter is how long a program may go on when the reactor stops.
const killAfter = 2 * time.Second

// originalCommand is the variable with what the client has asked for, if another
// command is forced.
const originalCommand = "SSH_ORIGINAL_COMMAND"

// environ returns the variables of a program, those of OpenSSH's sshd.
func (s *ProgramSession) environ(shell, home string) []string {
	name := s.Channel().login().User
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	login := s.Channel().login()
	client, clientPort := hostPort(login.Remote)
	host, port := hostPort(login.Local)
	env := []string{
		"USER=" + name, "LOGNAME=" + name, "HOME=" + home, "SHELL=" + shell, "PATH=" + defaultPath,
		fmt.Sprintf("SSH_CLIENT=%s %s %s", client, clientPort, port),
		fmt.Sprintf("SSH_CONNECTION=%s %s %s %s", client, clientPort, host, port),
	}
	if s.pty {
		env = append(env, "TERM="+s.term)
	}
	return slices.Concat(env, s.Env, s.sent)
}

// defaultPath is the PATH of programs.
const defaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

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
