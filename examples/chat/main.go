// Command chat is a chat server for telnet. Each user enters a name. The server
// then sends every line of a user to all other users. The first form listens on
// the loopback address, the second form on all addresses.
//
//	chat
//	chat tcp:7001
package main

import (
	"fmt"
	"os"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/protocols"
	"github.com/hawser-go/hawser/reactor/task"
)

func main() {
	task.React(func(r *reactor.Reactor, args []string) deferred.Deferred[struct{}] {
		description := "tcp:7001:interface=127.0.0.1"
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

func (m *room) factory() reactor.Factory {
	return reactor.ForProtocol(func() reactor.Protocol { return &user{room: m} })
}

// say sends line to all users except the user but.
func (m *room) say(line string, but *user) {
	for _, u := range m.users {
		if u != but {
			u.SendLine([]byte(line))
		}
	}
}

// user is a connection. Its name is empty until the user has entered one.
type user struct {
	protocols.LineReceiver
	room *room
	name string
}

func (u *user) ConnectionMade() { u.SendLine([]byte("What is your name?")) }

func (u *user) LineReceived(line []byte) {
	if u.name == "" {
		u.enter(string(line))
		return
	}
	u.room.say(fmt.Sprintf("<%s> %s", u.name, line), u)
}

func (u *user) enter(name string) {
	if name == "" || u.room.users[name] != nil {
		u.SendLine([]byte("That name is taken. What is your name?"))
		return
	}
	u.name = name
	u.room.users[name] = u
	u.SendLine(fmt.Appendf(nil, "Welcome, %s; there are %d of you.", name, len(u.room.users)))
	u.room.say(name+" has come.", u)
}

func (u *user) ConnectionLost(error) {
	if u.name != "" {
		delete(u.room.users, u.name)
		u.room.say(u.name+" has gone.", u)
	}
}
