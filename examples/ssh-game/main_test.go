//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// picture returns what the screen must show.
func picture(score, width, height int, player, star place) string {
	lines := []string{fmt.Sprintf("Stars: %d   q: quit", score), "+" + strings.Repeat("-", width-2) + "+"}
	for line := range height - 3 {
		row := []byte(strings.Repeat(" ", width-2))
		if line == star.line {
			row[star.column] = '*'
		}
		if line == player.line {
			row[player.column] = '@'
		}
		lines = append(lines, "|"+string(row)+"|")
	}
	return strings.Join(append(lines, lines[1]), "\n") + "\n"
}

const asCommand = "HAWSER_TEST_GAME" // makes the test program the game

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	m.Run()
}

// listen lets a game listen, whose first stars are known.
func listen(t *testing.T, serve func(*reactor.Reactor, int, func() insults.Protocol) (reactor.ListeningPort, error)) string {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{})
	numbers := []int{2, 1, 0, 3, 7, 0}
	random := func(int) int {
		n := numbers[0]
		numbers = numbers[1:]
		return n
	}
	listening, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serve(r, 0, newGame(random)) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(portOf(listening))
}

// play plays a game whose window changes, and ends it.
func play(t *testing.T, m *tmuxtest.Terminal) {
	wants := func(want string) {
		t.Helper()
		m.WaitFor("\n"+want, func(screen string) bool { return screen == want })
	}
	wants(picture(0, 40, 12, place{0, 0}, place{2, 1}))
	m.Type("Right", "Up", "Left", "Left", "Right") // the frame stops the player
	wants(picture(0, 40, 12, place{1, 0}, place{2, 1}))
	m.Type("Right", "Down")
	wants(picture(1, 40, 12, place{2, 1}, place{0, 3}))
	m.Resize(20, 6)
	wants(picture(1, 20, 6, place{2, 1}, place{0, 2})) // the star comes into the window
	m.Type("Left", "Left", "Down")
	wants(picture(2, 20, 6, place{0, 2}, place{7, 0}))
	m.Resize(30, 10)
	wants(picture(2, 30, 10, place{0, 2}, place{7, 0}))
	m.Type("q")
}

// A user plays with OpenSSH's client.
func TestSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	m := tmuxtest.Start(t, 40, 12, ssh, "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no", "-p", listen(t, serve), "player@127.0.0.1")
	m.Wait("assword:")
	m.Type("stars", "Enter")
	play(t, m)
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
}

// A user plays with a telnet client.
func TestTelnet(t *testing.T) {
	telnet := conchtest.Program(t, "telnet")
	m := tmuxtest.Start(t, 40, 12, telnet, "127.0.0.1", listen(t, serveTelnet))
	m.Wait("Username:")
	m.Type("player", "Enter")
	m.Wait("Password:")
	m.Type("stars", "Enter")
	play(t, m)
	m.WaitEnd() // clients differ in the status when the server closes
}

// A user plays on the terminal of the program.
func TestHere(t *testing.T) {
	m := tmuxtest.Start(t, 40, 12, "env", asCommand+"=1", os.Args[0], "-here")
	m.Wait("Stars: 0   q: quit\n+" + strings.Repeat("-", 38) + "+\n|@")
	m.Type("Right", "Right", "Left")
	m.WaitFor("the player", func(screen string) bool { return strings.Contains(screen, "\n| @") })
	m.Resize(20, 6)
	m.WaitFor("a smaller frame", func(screen string) bool { return strings.HasSuffix(screen, "\n+"+strings.Repeat("-", 18)+"+\n") })
	m.Type("C-c")
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
}
