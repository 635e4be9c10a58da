// Command telnet-chat is a chat for telnet clients. Each user enters a name.
// The server then sends every line of a user to all other users. Ctrl-C and
// /quit leave the chat, /who lists the users. The first form listens on the
// loopback address, the second form on all addresses.
//
//	telnet-chat
//	telnet-chat tcp:2323
//	telnet localhost 2323
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		description := "tcp:2323:interface=127.0.0.1"
		if len(args) > 0 {
			description = args[0]
		}
		server, err := endpoints.ServerFromString(r, description)
		if err != nil {
			return deferred.Fail[struct{}](err)
		}
		listening := server.Listen(newRoom().factory())
		return deferred.ThenDeferred(listening, func(port reactor.ListeningPort) deferred.Deferred[struct{}] {
			fmt.Fprintln(os.Stderr, "listening on", port.GetHost())
			return deferred.New[struct{}]() // never fires
		})
	})
}

// room holds the users by name. All code runs on the loop, so room needs no
// lock.
type room struct{ users map[string]*user }

func newRoom() *room { return &room{users: make(map[string]*user)} }

// factory makes a telnet connection with a user for each client.
func (m *room) factory() reactor.Factory {
	return reactor.ForProtocol(func() reactor.Protocol {
		return &telnet.TelnetTransport{ProtocolFactory: func() telnet.Protocol { return &user{room: m} }}
	})
}

// say sends a line to all users except the user but.
func (m *room) say(line string, but *user) {
	for _, u := range m.users {
		if u != but && !u.slow {
			u.SendLine([]byte(line))
		}
	}
}

// user is a connection. Its name is empty until the user has entered one.
type user struct {
	telnet.StatefulTelnetProtocol
	room *room
	name string
	slow bool // the client does not read what it was sent; it misses lines
}

func (u *user) ConnectionMade() {
	_ = u.Transport().RegisterProducer(u, true) // it is the first producer
	u.ask("What is your name? ")
}

// ask asks for the name.
func (u *user) ask(question string) {
	u.Transport().Write([]byte(question))
	u.SetState(u.enter)
}

// enter is the state in which the user enters a name.
func (u *user) enter(line []byte) telnet.State {
	name := printable(line)
	switch {
	case name == "" || len(name) > 20:
		u.ask("A name has 1 to 20 letters. What is your name? ")
		return nil
	case u.room.users[name] != nil:
		u.ask("That name is taken. What is your name? ")
		return nil
	}
	u.name = name
	u.room.users[name] = u
	u.SendLine(fmt.Appendf(nil, "Welcome, %s. Here: %s.", name, u.room.who()))
	u.room.say(name+" has come.", u)
	return u.talk
}

// talk is the state in which the user talks.
func (u *user) talk(line []byte) telnet.State {
	switch text := printable(line); text {
	case "":
	case "/who":
		u.SendLine([]byte("Here: " + u.room.who() + "."))
	case "/quit":
		u.leave()
	default:
		u.room.say(fmt.Sprintf("<%s> %s", u.name, text), u)
	}
	return nil
}

func (m *room) who() string { return strings.Join(slices.Sorted(maps.Keys(m.users)), ", ") }

// LineLengthExceeded leaves too.
func (u *user) LineLengthExceeded([]byte) { u.leave() }

// UnhandledCommand leaves when the user presses Ctrl-C, for which a telnet
// client sends a command.
func (u *user) UnhandledCommand(c telnet.Command) {
	if c == telnet.IP || c == telnet.EOF {
		u.leave()
	}
}

func (u *user) leave() {
	u.SendLine([]byte("Bye."))
	u.Transport().UnregisterProducer()
	u.Transport().LoseConnection()
}

func (u *user) ConnectionLost(error) {
	if u.name != "" {
		delete(u.room.users, u.name)
		u.room.say(u.name+" has gone.", u)
	}
}

// PauseProducing is called when much waits to be sent to the client.
func (u *user) PauseProducing() { u.slow = true }

// ResumeProducing is called when all is sent.
func (u *user) ResumeProducing() { u.slow = false }

// StopProducing is called when nothing can be sent any more.
func (u *user) StopProducing() { u.slow = true }

// printable returns a line without characters that a terminal would obey.
func printable(line []byte) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(line), "?"))
	return strings.TrimSpace(text)
}
