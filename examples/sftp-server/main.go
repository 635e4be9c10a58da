// Command sftp-server serves a directory over SFTP: users cannot leave it.
//
//	go run ./examples/sftp-server [-port 2022] [-read-only] [DIRECTORY]
//
// It prints how to connect, and a line for each login. The user is "user", with a
// password that is made at each start.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"os"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("sftp-server", flag.ExitOnError)
		port := flags.Int("port", 0, "the port to listen on; 0 takes a free one")
		readOnly := flags.Bool("read-only", false, "change no files")
		_ = flags.Parse(args) // exits on errors
		dir := "."
		if flags.NArg() > 0 {
			dir = flags.Arg(0)
		}
		password := rand.Text()
		listening, err := serve(r, *port, realm{r, dir, *readOnly}, map[string]string{"user": password})
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := listening.GetHost().(reactor.IPAddress).Port()
		fmt.Fprintf(os.Stderr, "serving %s; connect with\n    sftp -P %d user@127.0.0.1\nthe password is %s\n", dir, at, password)
		return deferred.New[struct{}]() // never fires
	})
}

// realm gives each user the same directory.
type realm struct {
	r        *reactor.Reactor
	dir      string
	readOnly bool
}

// RequestAvatar returns a user who can open sessions with SFTP, and nothing else.
func (m realm) RequestAvatar(id string, mind any) deferred.Deferred[server.Avatar] {
	user := new(server.ConchUser)
	user.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(user, nil)}
	user.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{"sftp": m.sftp}
	fmt.Fprintln(os.Stderr, "login of", mind.(*server.Login))
	return deferred.Succeed[server.Avatar](user)
}

// sftp begins an SFTP session.
func (m realm) sftp([]byte) deferred.Deferred[reactor.Protocol] {
	opened := reactor.DeferToThread(m.r, func() (*store.Dir, error) { return store.OpenDir(m.dir, store.DirOptions{}) })
	return deferred.Then(opened, func(dir *store.Dir) (reactor.Protocol, error) {
		s := filetransfer.NewFileTransferServer(m.r, filetransfer.InThreads(m.r, dir))
		s.ReadOnly = m.readOnly
		return s, nil
	})
}

// serve listens for users.
func serve(r *reactor.Reactor, port int, m realm, passwords map[string]string) (reactor.ListeningPort, error) {
	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	signer, err := key.Signer()
	if err != nil {
		return nil, err
	}
	portal := cred.NewPortal[server.Avatar](m, cred.InMemory(passwords))
	factory := &server.SSHFactory{Portal: portal, PrivateKeys: []gossh.Signer{signer}}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}
