// Command sftp-server serves a directory over SFTP: users cannot leave it.
//
//	go run ./examples/sftp-server [-listen :2022] [-read-only] [-keys KEYS] [DIRECTORY]
//
// It prints how to connect, and then what clients do: a line for each login, and
// for each file that they open, change or remove. The user is "user", with a
// password that is made at each start. Without -keys the host key is made at each
// start too. Ctrl-C lets transfers end, for up to five seconds; a second one ends
// the program at once.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/filetransfer/store"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("sftp-server", flag.ExitOnError)
		listen := flags.String("listen", "127.0.0.1:0", "the address to listen on; port 0 is a free one")
		readOnly := flags.Bool("read-only", false, "change no files")
		keys := flags.String("keys", "", "the directory with the host key, which is made there at the first start")
		_ = flags.Parse(args) // exits on errors
		dir := "."
		if flags.NArg() > 0 {
			dir = flags.Arg(0)
		}
		password := rand.Text()
		s := newServer(dir, password)
		s.ReadOnly, s.HostKeyDir = *readOnly, *keys
		port, err := s.Listen(r, *listen)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := port.GetHost().(reactor.IPAddress)
		fmt.Fprintf(os.Stderr, "serving %s; connect with\n    sftp -P %d user@%s\nthe password is %s\n", dir, at.Port(), at.Host(), password)
		r.AddSystemEventTriggerDeferred(reactor.Before, reactor.Shutdown, func() deferred.Deferred[struct{}] { return s.Shutdown(5 * time.Second) })
		return deferred.New[struct{}]() // never fires
	})
}

// newServer returns a server of a directory for one user.
func newServer(dir, password string) *server.Server {
	return &server.Server{
		Passwords: map[string]string{"user": password},
		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
			return store.OpenDir(dir, store.DirOptions{})
		},
		LogFiles: true,
	}
}
