//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
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

// A user plays with OpenSSH's client, in a real terminal whose size changes.
func TestGame(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	r := reactortest.Start(t, reactor.Options{})
	numbers := []int{2, 1, 0, 3, 7, 0} // the first stars
	random := func(int) int {
		n := numbers[0]
		numbers = numbers[1:]
		return n
	}
	listening, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serve(r, 0, random) })
	})
	if err != nil {
		t.Fatal(err)
	}
	port := listening.GetHost().(reactor.IPAddress).Port()
	m := tmuxtest.Start(t, 40, 12, ssh, "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no", "-p", fmt.Sprint(port), "player@127.0.0.1")
	wants := func(want string) {
		t.Helper()
		m.WaitFor("\n"+want, func(screen string) bool { return screen == want })
	}
	m.Wait("assword:")
	m.Type("stars", "Enter")
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
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
}
