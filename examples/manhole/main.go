// Command manhole is a program with a counter, and a manhole: a user can inspect
// and change the counter while the program runs.
//
//	go run ./examples/manhole
//
// It prints how to get in, over SSH with a key that it makes in a temporary
// directory. Whoever has the key owns the process, so the manhole listens on the
// loopback address only. Try these lines:
//
//	counter.Value
//	counter.Step = 100
//	counter.Reset()
//	exit()
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/task"
	gossh "golang.org/x/crypto/ssh"
)

// Counter counts. It belongs to the loop, and so do the users of the manhole.
type Counter struct {
	Value, Step int
	changed     deferred.Deferred[int]
}

// NewCounter returns a counter that counts by ones.
func NewCounter() *Counter { return &Counter{Step: 1, changed: deferred.New[int]()} }

// Count counts once. It never fails.
func (c *Counter) Count() error {
	c.Value += c.Step
	changed := c.changed
	c.changed = deferred.New[int]()
	changed.Callback(c.Value)
	return nil
}

// Reset begins again at 0.
func (c *Counter) Reset() { c.Value = 0 }

// Next returns a Deferred that fires with the next value.
func (c *Counter) Next() deferred.Deferred[int] { return c.changed }

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		flags := flag.NewFlagSet("manhole", flag.ExitOnError)
		port := flags.Int("port", 0, "the port to listen on; 0 takes a free one")
		_ = flags.Parse(args) // exits on errors
		dir, err := os.MkdirTemp("", "manhole")
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() { _ = os.RemoveAll(dir) })
		counter := NewCounter()
		listening, err := serve(r, *port, dir, counter)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		at := listening.GetHost().(reactor.IPAddress).Port()
		fmt.Printf("ssh -i %s -p %d admin@127.0.0.1\n", keyFile(dir), at)
		task.NewLoopingCall(r, counter.Count).Start(time.Second, false)
		return deferred.New[struct{}]() // never fires
	})
}

func keyFile(dir string) string { return filepath.Join(dir, "key") }

// serve makes a key for the user admin, and lets the manhole listen.
func serve(r *reactor.Reactor, port int, dir string, counter *Counter) (reactor.ListeningPort, error) {
	userKey, err := keys.PersistentKey(keyFile(dir), keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	user, err := userKey.Signer()
	if err != nil {
		return nil, err
	}
	hostKey, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	host, err := hostKey.Signer()
	if err != nil {
		return nil, err
	}
	line := string(gossh.MarshalAuthorizedKey(user.PublicKey()))
	admins := cred.InMemorySSHKeyDB{"admin": cred.ParseAuthorizedKeys([]byte(line), "the key of admin")}

	namespace := map[string]any{"counter": counter}
	realm := manhole.NewTerminalRealm(func() insults.Protocol {
		m := manhole.NewColored(starlarkrepl.New, namespace)
		m.Logger = r.Logger()
		return m
	})
	factory := manhole.NewConchFactory(cred.NewPortal(realm, cred.NewSSHPublicKeyChecker(admins)))
	factory.PrivateKeys = []gossh.Signer{host}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}
