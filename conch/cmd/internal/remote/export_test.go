package remote

import (
	"slices"
	"strings"
	"time"
)

// Help is the text of -h.
const Help = help

// Names are the spellings of all options.
func Names() []string {
	var names []string
	for _, o := range table.Options {
		names = append(names, o.String())
		if len(o.Name) > 1 {
			names = append(names, "--"+o.Name)
		}
	}
	return names
}

// SetTimes sets the time limits of a Command.
func SetTimes(c *Command, every, within, again time.Duration) { c.times = times{every, within, again} }

// EscapeCharacter reads the value of EscapeChar.
func EscapeCharacter(value string) (int, error) { return escapeCharacter(value) }

// Escapes passes pieces of input on. Commands stand in brackets.
func Escapes(char byte, commands string, pieces ...string) string {
	var out strings.Builder
	e := &escapes{char: char, atStart: true, act: func(command byte) bool {
		done := strings.IndexByte(commands, command) >= 0
		if done {
			out.WriteString("[" + string([]byte{command}) + "]")
		}
		return done
	}}
	for _, p := range pieces {
		e.input([]byte(p), func(p []byte) { out.Write(p) })
	}
	return out.String()
}

// Forwards returns the forwardings of a command line.
func Forwards(args []string) (string, error) {
	line, err := table.Parse(args)
	if err != nil {
		return "", err
	}
	p, err := newPlan(&line)
	if err != nil {
		return "", err
	}
	var list []string
	for _, f := range p.forwards {
		list = append(list, f.String())
	}
	return strings.Join(slices.Clip(list), ", "), nil
}
