package main

import (
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// visitor is a connected user and the data that the server wrote to it.
type visitor struct {
	t *testing.T
	p reactor.Protocol
	*reactortest.StringTransport
}

func visit(t *testing.T, m *room) *visitor {
	t.Helper()
	p, err := reactor.BuildFrom(m.factory(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, p, reactortest.Connect(p)}
}

func (v *visitor) says(line string) { v.p.DataReceived([]byte(line + "\r\n")) }

func (v *visitor) hears(want string) {
	v.t.Helper()
	if got := v.TakeValue(); got != want {
		v.t.Errorf("heard %q, want %q", got, want)
	}
}

func TestChat(t *testing.T) {
	m := newRoom()
	ann, bob := visit(t, m), visit(t, m)
	ann.hears("What is your name?\r\n")
	ann.says("ann")
	ann.hears("Welcome, ann; there are 1 of you.\r\n")
	bob.TakeValue()
	bob.says("ann")
	bob.hears("That name is taken. What is your name?\r\n")
	bob.says("bob")
	bob.hears("Welcome, bob; there are 2 of you.\r\n")
	ann.hears("bob has come.\r\n")
	ann.says("hello")
	bob.hears("<ann> hello\r\n")
	ann.hears("")
	bob.LoseConnection()
	ann.hears("bob has gone.\r\n")
	if len(m.users) != 1 {
		t.Errorf("%d users", len(m.users))
	}
}
