package cftp

import (
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// input is a line that was understood.
type input struct {
	ignore  bool // a dash before the command: errors do not count
	silent  bool // an at sign before the command: no echo in a batch
	command *command
	typed   string
	flags   string
	args    []word
	rest    string
}

// parse reads a line. The command is nil for an empty line or a comment. The
// prefixes of the line are also returned with an error.
func parse(line string) (in input, err error) {
	rest := strings.TrimLeft(line, blanks)
	for ; rest != "" && (rest[0] == '-' || rest[0] == '@'); rest = rest[1:] {
		in.ignore = in.ignore || rest[0] == '-'
		in.silent = in.silent || rest[0] == '@'
	}
	rest = strings.Trim(rest, blanks)
	if rest == "" || rest[0] == '#' {
		return in, nil
	}
	name := rest
	if rest[0] == '!' {
		name = "!"
	} else if i := strings.IndexAny(rest, blanks); i >= 0 {
		name = rest[:i]
	}
	in.typed, in.command = name, lookup(name)
	rest = strings.Trim(rest[len(name):], blanks)
	switch {
	case in.command == nil:
		return in, failf("Invalid command %s; help lists the commands.", text.Quote(name))
	case in.command.rest:
		in.rest = rest
		return in, nil
	}
	words, err := split(rest)
	if err != nil {
		return in, err
	}
	return in, in.arguments(words)
}

// arguments takes the flags from the words, and checks the number of the other
// words. Flags stand before the other words. A command without flags refuses
// all of them, so that rm -r removes nothing.
func (in *input) arguments(words []word) error {
	c := in.command
	for ; len(words) > 0 && words[0].isFlags(); words = words[1:] {
		flags := words[0].text
		if flags == "--" {
			words = words[1:]
			break
		}
		for i := 1; i < len(flags); i++ {
			if strings.IndexByte(c.flags, flags[i]) < 0 {
				return failf("%s: Invalid flag -%s", in.typed, text.Line(flags[i:]))
			}
			in.flags += flags[i : i+1]
		}
	}
	in.args = words
	switch n := len(words); {
	case n < c.min:
		return in.tooFew()
	case c.max == 0 && n > 0:
		return failf("%s takes no arguments", in.typed)
	case c.max > 0 && n > c.max:
		return failf("Too many arguments for %s: usage: %s; quote a name that has blanks",
			in.typed, strings.TrimSpace(c.name+" "+c.usage))
	}
	return nil
}

func (in *input) tooFew() error {
	switch c := in.command; {
	case strings.HasPrefix(c.places, "x"):
		return failf("You must supply an argument to the %s command: usage: %s %s", in.typed, c.name, c.usage)
	case c.min == 2:
		return failf("You must specify two paths after a %s command.", in.typed)
	case c.max == 2:
		return failf("You must specify at least one path after a %s command.", in.typed)
	default:
		return failf("You must specify a path after a %s command.", in.typed)
	}
}
