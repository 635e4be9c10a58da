package manhole_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/manhole"
	"github.com/hawser-go/hawser/conch/manhole/starlarkrepl"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/service"
	gossh "golang.org/x/crypto/ssh"
)

// The code of docs/terminal.md.

// greeter greets whoever enters a name.
type greeter struct{ recvline.HistoricRecvLine }

func (g *greeter) ConnectionMade() {
	g.PS[0] = "name: "
	g.BindReadlineKeys()
	g.HistoricRecvLine.ConnectionMade()
}

func (g *greeter) LineReceived(line string) {
	if line == "" {
		g.Terminal().LoseConnection()
		return
	}
	fmt.Fprintf(g.Terminal(), "Hello, %s!\n", line)
	g.WritePrompt()
}

func serveGreeter(r *reactor.Reactor, hostKey gossh.Signer) (reactor.ListeningPort, error) {
	realm := manhole.NewTerminalRealm(func() insults.Protocol { return &greeter{} })
	passwords := cred.InMemory(map[string]string{"ana": "secret"})
	factory := manhole.NewConchFactory(cred.NewPortal(realm, passwords))
	factory.PrivateKeys = []gossh.Signer{hostKey}
	return r.ListenTCP(0, factory, reactor.ListenOptions{Interface: "127.0.0.1"})
}

func newRealm() *manhole.TerminalRealm {
	return &manhole.TerminalRealm{
		ChainedProtocolFactory: func(s *manhole.TerminalSession) *insults.ServerProtocol {
			user := s.Login().User
			return insults.NewServerProtocol(func() insults.Protocol {
				g := &greeter{}
				g.HistoryLines = []string{user}
				return g
			})
		},
	}
}

func serveManhole(r *reactor.Reactor, app any, admins cred.Checker) (service.Service, error) {
	return manhole.MakeService(r, manhole.ServiceOptions{
		SSH:        "unix:/run/app/manhole:mode=600",
		HostKeyDir: "/var/lib/app/keys",
		Checkers:   []cred.Checker{admins},
		Program: func() insults.Protocol {
			return manhole.NewColored(starlarkrepl.New, map[string]any{"app": app})
		},
	})
}

func runGreeter(r *reactor.Reactor) error {
	return manhole.RunWithProtocol(r, func() insults.Protocol { return &greeter{} })
}

func greet(keys string) string {
	terminal := insults.NewServerProtocol(func() insults.Protocol { return &greeter{} })
	wire := reactortest.Connect(terminal)
	terminal.DataReceived([]byte(keys))
	screen := insults.NewTerminalBuffer(40, 5)
	client := insults.NewClientProtocol(screen)
	reactortest.Connect(client)
	client.DataReceived([]byte(wire.Value()))
	return screen.String()
}

func TestHowtoGreeter(t *testing.T) {
	if got := greet("Bb\x1b[Do\r"); !strings.HasPrefix(got, "name: Bob\nHello, Bob!\nname:") {
		t.Errorf("%q", got)
	}
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	port, err := sshtest.Await(t, r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serveGreeter(r, hostKey(t)) })
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := gossh.Dial("tcp", port.GetHost().String(), &gossh.ClientConfig{User: "ana",
		Auth: []gossh.AuthMethod{gossh.Password("secret")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := newShell(t, client)
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	s.types("Ann\r\r")
	readUntil(t, s.out, "Hello, Ann!\r\nname: \r\n\x1bc")
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
}

func TestHowtoRealm(t *testing.T) {
	s := newShell(t, login(t, listen(t, newRealm(), slog.New(slog.DiscardHandler))))
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	s.types("\x1b[A")
	readUntil(t, s.out, "alice")
}

// The other two functions need a real machine, and are compiled only.
var (
	_ = serveManhole
	_ = runGreeter
)
