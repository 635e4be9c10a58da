// Command ssh-server is Twisted's example of an SSH server, line by line: a user
// logs in with a password or a key, and gets a shell that echoes. A command is
// refused.
//
//	go run ./examples/ssh-server
//
// It prints how to log in. The password of the user "user" is "password".
package main

import (
	"errors"
	"flag"
	"fmt"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("ssh-server", flag.ExitOnError)
		port := flags.Int("port", 0, "the port to listen on; 0 takes a free one")
		_ = flags.Parse(args) // exits on errors
		listening, err := serve(r, *port)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := listening.GetHost().(reactor.IPAddress).Port()
		fmt.Printf("ssh -p %d user@127.0.0.1    (the password is \"password\")\n", at)
		return deferred.New[struct{}]() // never fires
	})
}

// exampleAvatar is a user who has logged in.
type exampleAvatar struct {
	server.ConchUser
	username string
}

func newExampleAvatar(username string) *exampleAvatar {
	a := &exampleAvatar{username: username}
	a.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(a, func() server.Session { return new(exampleSession) }),
	}
	return a
}

// exampleRealm makes avatars.
type exampleRealm struct{}

func (exampleRealm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	return deferred.Succeed[server.Avatar](newExampleAvatar(id))
}

// echoProtocol sends back what it receives. Ctrl-C and Ctrl-D end it.
type echoProtocol struct{ reactor.BaseProtocol }

func (e *echoProtocol) ConnectionMade() {
	e.Transport().Write([]byte("This server echoes. Ctrl-D ends it.\r\n"))
}

func (e *echoProtocol) DataReceived(data []byte) {
	for _, b := range data {
		switch b {
		case '\r':
			e.Transport().Write([]byte("\r\n"))
		case 3, 4: // ^C, ^D
			e.Transport().LoseConnection()
			return
		default:
			e.Transport().Write([]byte{b})
		}
	}
}

// exampleSession is what a user does in a session.
type exampleSession struct{ server.BaseSession }

// GetPty grants a terminal, which does nothing.
func (s *exampleSession) GetPty(string, conch.WindowSize, []conch.TerminalMode) deferred.Deferred[struct{}] {
	return deferred.Succeed(struct{}{})
}

// ExecCommand refuses every command.
func (s *exampleSession) ExecCommand(*server.SSHSessionProcessProtocol, string) deferred.Deferred[struct{}] {
	return deferred.Fail[struct{}](errors.New("ssh-server: commands are not executed"))
}

// OpenShell makes an echoProtocol the shell.
func (s *exampleSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	p.ConnectProtocol(new(echoProtocol))
	return deferred.Succeed(struct{}{})
}

// serve listens for users.
func serve(r *reactor.Reactor, port int) (reactor.ListeningPort, error) {
	hostKey, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	signer, err := hostKey.Signer()
	if err != nil {
		return nil, err
	}
	portal := cred.NewPortal(exampleRealm{})
	portal.RegisterChecker(cred.InMemory(map[string]string{"user": "password"}))
	factory := &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{signer}}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}
