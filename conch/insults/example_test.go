package insults_test

import (
	"fmt"
	"regexp"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// cursor moves its cursor around. The key q ends it.
type cursor struct{ insults.TerminalProtocol }

func (c *cursor) ConnectionMade() { fmt.Fprint(c.Terminal(), "use the arrows\n") }

func (c *cursor) KeystrokeReceived(key insults.Key, mod insults.Modifier) {
	switch key {
	case insults.KeyUp:
		c.Terminal().CursorUp(1)
	case insults.KeyLeft:
		c.Terminal().CursorBackward(1)
	case 'q':
		c.Terminal().LoseConnection()
	default:
		fmt.Fprintf(c.Terminal(), "%v", insults.Stroke{Key: key, Modifier: mod})
	}
}

func Example() {
	// Any transport will do. This one collects what is sent.
	terminal := insults.NewServerProtocol(func() insults.Protocol { return &cursor{} })
	wire := reactortest.Connect(terminal)
	terminal.DataReceived([]byte("\x1b[A\x1b[1;5C\x1bxéq"))
	fmt.Printf("%q\n", wire.Value())
	// Output: "use the arrows\r\n\x1b[1A[CONTROL][RIGHT_ARROW][ALT]xé\x1bc"
}

func ExampleTerminalBuffer() {
	screen := insults.NewTerminalBuffer(20, 3)
	client := insults.NewClientProtocol(screen)
	reactortest.Connect(client)

	client.DataReceived([]byte("one two\r\n\x1b[7mthree\x1b[m"))
	client.DataReceived([]byte("\x1b[1;5H\x1b[K2"))

	fmt.Printf("%q, cursor %v\n", screen, screen.Cursor())
	fmt.Println(screen.GetCharacter(0, 1).Format.ReverseVideo)
	// Output:
	// "one 2\nthree\n", cursor {5 0}
	// true
}

func ExampleExpectableBuffer() {
	screen := insults.NewExpectableBuffer(80, 24)
	client := insults.NewClientProtocol(screen)
	wire := reactortest.Connect(client)
	clock := reactortest.NewClock() // a program passes its reactor

	screen.Expect(regexp.MustCompile("login: "), time.Minute, clock).OnValue(func([]string) {
		wire.Write([]byte("alice\r"))
	})
	screen.Expect(regexp.MustCompile(`Welcome, (\w+)`), time.Minute, clock).OnResult(func(match []string, err error) {
		fmt.Println(match[1], err)
	})
	client.DataReceived([]byte("host login: "))
	client.DataReceived([]byte("alice\r\nWelcome, Alice"))
	fmt.Printf("%q\n", wire.Value())
	// Output:
	// Alice <nil>
	// "alice\r"
}

func ExampleStyled() {
	text := insults.Styled(insults.Bold, "careful: ", insults.Styled(insults.Foreground+insults.Attribute(insults.Red), "hot"))
	fmt.Printf("%q\n", text)
	fmt.Printf("%q\n", insults.AssembleFormattedText(text))
	// Output:
	// "\x1b[1mcareful: \x1b[1;31mhot\x1b[0m"
	// "\x1b[1mcareful: \x1b[1;31mhot"
}

func ExampleTee() {
	picture := insults.NewTerminalBuffer(20, 2)
	terminal := insults.NewServerProtocol(nil)
	wire := reactortest.Connect(terminal)

	both := insults.Tee(picture, terminal)
	both.CursorPosition(2, 1)
	fmt.Fprint(both, "here")
	fmt.Printf("%q %q\n", picture, wire.Value())
	// Output: "\n  here" "\x1b[2;3Hhere"
}

func ExampleCells() {
	fmt.Println(insults.Cells("naïve"), insults.Cells("你好"), insults.Cells("\x1b[31mred\x1b[m"))
	// Output: 5 4 3
}

// terminalSession is a session of an SSH server whose shell is a program on a
// terminal.
type terminalSession struct {
	server.BaseSession
	terminal *insults.ServerProtocol
}

func (s *terminalSession) GetPty(_ string, size conch.WindowSize, _ []conch.TerminalMode) deferred.Deferred[struct{}] {
	s.WindowChanged(size)
	return deferred.Succeed(struct{}{})
}

func (s *terminalSession) WindowChanged(size conch.WindowSize) {
	s.terminal.TerminalSize(int(size.Columns), int(size.Rows))
}

func (s *terminalSession) OpenShell(p *server.SSHSessionProcessProtocol) deferred.Deferred[struct{}] {
	p.ConnectProtocol(s.terminal)
	return deferred.Succeed(struct{}{})
}

// terminalRealm gives each user such sessions. The function makes the program.
type terminalRealm func() insults.Protocol

func (t terminalRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	avatar := new(server.ConchUser)
	avatar.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{
		"session": server.NewSession(avatar, func() server.Session {
			return &terminalSession{terminal: insults.NewServerProtocol(t)}
		}),
	}
	return deferred.Succeed[server.Avatar](avatar)
}

// A server whose users get a program instead of a shell. It lacks host keys.
func ExampleServerProtocol() {
	realm := terminalRealm(func() insults.Protocol { return &cursor{} })
	passwords := cred.InMemory(map[string]string{"alice": "sesame"})
	factory := &server.SSHFactory{Portal: cred.NewPortal(realm, passwords)}
	fmt.Println(factory.Portal.Kinds())
	// Output: [password]
}
