// Command manhole is a program with a counter, and a manhole: a user can inspect
// and change the counter while the program runs.
//
//	go run ./examples/manhole
//	go run ./examples/manhole -telnet 2323
//	go run ./examples/manhole -here
//
// The first one prints how to get in over SSH, with a key that it makes in a
// temporary directory. The second one also prints a password for telnet. Whoever
// has one of them owns the process, so the manhole listens on the loopback
// address only. The third one opens the manhole on this terminal. Try these
// lines:
//
//	counter.Value
//	counter.Step = 100
//	counter.Reset()
//	exit()
package main

import (
	"crypto/rand"
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
	port := flag.Int("port", 0, "the port for SSH clients; 0 takes a free one")
	telnetPort := flag.Int("telnet", -1, "the port for telnet clients; 0 takes a free one, -1 takes none")
	here := flag.Bool("here", false, "open the manhole on this terminal")
	flag.Parse()
	counter := NewCounter()
	if *here {
		r := reactor.New(reactor.Options{})
		r.CallWhenRunning(func() { task.NewLoopingCall(r, counter.Count).Start(time.Second, false) })
		if err := manhole.RunWithProtocol(r, newManhole(r, counter)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	task.React(func(r *reactor.Reactor, _ []string) deferred.Deferred[struct{}] {
		dir, err := os.MkdirTemp("", "manhole")
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() { _ = os.RemoveAll(dir) })
		listening, err := serve(r, *port, dir, counter)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		fmt.Printf("ssh -i %s -p %d admin@127.0.0.1\n", keyFile(dir), portOf(listening))
		if *telnetPort >= 0 {
			password := rand.Text()
			if listening, err = serveTelnet(r, *telnetPort, password, counter); err != nil {
				return deferred.Fail[struct{}](err)
			}
			fmt.Printf("telnet 127.0.0.1 %d    (the user is \"admin\", the password %q)\n", portOf(listening), password)
		}
		task.NewLoopingCall(r, counter.Count).Start(time.Second, false)
		return deferred.New[struct{}]() // never fires
	})
}

func portOf(l reactor.ListeningPort) int { return l.GetHost().(reactor.IPAddress).Port() }

// newManhole returns a function that makes a manhole for a user.
func newManhole(r *reactor.Reactor, counter *Counter) func() insults.Protocol {
	return func() insults.Protocol {
		m := manhole.NewColored(starlarkrepl.New, map[string]any{"counter": counter})
		m.Logger = r.Logger()
		return m
	}
}

// serveTelnet lets the manhole listen for telnet clients.
func serveTelnet(r *reactor.Reactor, port int, password string, counter *Counter) (reactor.ListeningPort, error) {
	factory := manhole.NewTelnetFactory(r, newManhole(r, counter), cred.InMemory(map[string]string{"admin": password}))
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}

func keyFile(dir string) string { return filepath.Join(dir, "key") }

// serve makes a key for the user admin, and lets the manhole listen for SSH
// clients.
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

	realm := manhole.NewTerminalRealm(newManhole(r, counter))
	factory := manhole.NewConchFactory(cred.NewPortal(realm, cred.NewSSHPublicKeyChecker(admins)))
	factory.PrivateKeys = []gossh.Signer{host}
	return r.ListenTCP(port, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}
