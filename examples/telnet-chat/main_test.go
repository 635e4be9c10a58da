package main

import (
	"strings"
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
	v := &visitor{t, p, reactortest.Connect(p)}
	v.Lenient = true
	return v
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
	ann.hears("What is your name? ")
	ann.says("")
	ann.hears("A name has 1 to 20 letters. What is your name? ")
	ann.says("ann")
	ann.hears("Welcome, ann. Here: ann.\r\n")
	bob.TakeValue()
	bob.says("ann")
	bob.hears("That name is taken. What is your name? ")
	bob.says("b\x1b[2Job")
	bob.hears("Welcome, b[2Job. Here: ann, b[2Job.\r\n")
	ann.hears("b[2Job has come.\r\n")
	ann.says("hello")
	bob.hears("<ann> hello\r\n")
	ann.hears("")
	ann.says("/who")
	ann.hears("Here: ann, b[2Job.\r\n")
	bob.says("/quit")
	bob.hears("Bye.\r\n")
	ann.hears("b[2Job has gone.\r\n")
	ann.p.DataReceived([]byte("\xff\xf4")) // Ctrl-C
	ann.hears("Bye.\r\n")
	if len(m.users) != 0 {
		t.Errorf("%d users", len(m.users))
	}
}

// TestSlowReader: what a client does not read is bounded.
func TestSlowReader(t *testing.T) {
	m := newRoom()
	ann, bob := visit(t, m), visit(t, m)
	ann.says("ann")
	bob.says("bob")
	bob.Clear()
	bob.Producer.(reactor.PushProducer).PauseProducing()
	ann.says("one")
	bob.hears("")
	bob.Producer.ResumeProducing()
	ann.says("two")
	bob.hears("<ann> two\r\n")
	ann.says(strings.Repeat("x", 20_000))
	if !ann.Disconnecting() {
		t.Error("a line of 20,000 bytes was accepted")
	}
}
