package main

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
)

// place is a place on the field, counted from its upper left corner.
type place struct{ column, line int }

// game is the game of one user. The first line of the screen shows the score,
// and the field is below, in a frame.
type game struct {
	insults.TerminalProtocol
	random        func(n int) int
	width, height int // of the field
	player, star  place
	score         int
}

// ConnectionMade hides the cursor. The size follows.
func (g *game) ConnectionMade() {
	g.Terminal().Reset()
	g.Terminal().ResetPrivateModes(insults.PrivateCursorMode)
	g.fit(80, 24)
	g.placeStar()
}

// TerminalSize fits the field into the window, and draws everything.
func (g *game) TerminalSize(width, height int) {
	g.fit(width, height)
	g.draw()
}

func (g *game) fit(width, height int) {
	g.width, g.height = max(width-2, 1), max(height-3, 1)
	g.player, g.star = g.inside(g.player), g.inside(g.star)
}

// inside returns the nearest place on the field.
func (g *game) inside(p place) place {
	return place{min(max(p.column, 0), g.width-1), min(max(p.line, 0), g.height-1)}
}

// placeStar puts the star somewhere else.
func (g *game) placeStar() {
	for before := g.star; g.star == before || g.star == g.player; {
		g.star = place{g.random(g.width), g.random(g.height)}
		if g.width*g.height <= 2 {
			return
		}
	}
}

// KeystrokeReceived moves the player.
func (g *game) KeystrokeReceived(key insults.Key, _ insults.Modifier) {
	p := g.player
	switch key {
	case insults.KeyUp:
		p.line--
	case insults.KeyDown:
		p.line++
	case insults.KeyLeft:
		p.column--
	case insults.KeyRight:
		p.column++
	case 'q', 3, 4: // ^C and ^D
		g.Terminal().SetPrivateModes(insults.PrivateCursorMode)
		g.Terminal().LoseConnection()
		return
	}
	g.show(g.player, ' ')
	if g.player = g.inside(p); g.player == g.star {
		g.score++
		g.placeStar()
		g.drawScore()
	}
	g.drawPieces()
}

// draw draws everything.
func (g *game) draw() {
	t := g.Terminal()
	t.EraseDisplay()
	g.drawScore()
	t.CursorPosition(0, 1)
	fmt.Fprint(t, "+"+strings.Repeat("-", g.width)+"+")
	for line := range g.height {
		t.CursorPosition(0, 2+line)
		fmt.Fprint(t, "|")
		t.CursorPosition(1+g.width, 2+line)
		fmt.Fprint(t, "|")
	}
	t.CursorPosition(0, 2+g.height)
	fmt.Fprint(t, "+"+strings.Repeat("-", g.width)+"+")
	g.drawPieces()
}

func (g *game) drawScore() {
	g.Terminal().CursorHome()
	fmt.Fprintf(g.Terminal(), "Stars: %d   q: quit", g.score)
}

func (g *game) drawPieces() {
	g.show(g.star, '*')
	g.show(g.player, '@')
}

// show shows a character on the field.
func (g *game) show(p place, c rune) {
	g.Terminal().CursorPosition(1+p.column, 2+p.line)
	fmt.Fprint(g.Terminal(), string(c))
}
