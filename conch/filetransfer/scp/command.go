package scp

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/kballard/go-shellquote"
)

// maxCommand is the number of bytes of a command.
const maxCommand = 64 << 10

// command is a parsed command line.
type command struct {
	upload   bool // -t; else -f
	download bool

	preserve  bool // -p: times and modes
	recursive bool // -r
	directory bool // -d: the target must be a directory
	verbose   bool // -v

	paths []string
}

// IsCommand reports whether a command line is one that a [Server] serves: scp,
// with or without a path before it, and with one of the options -t and -f, which
// only other scp programs use.
func IsCommand(line string) bool {
	words, err := split(line)
	if err != nil || path.Base(words[0]) != "scp" {
		return false
	}
	c, err := parse(words)
	return err == nil && (c.upload || c.download)
}

// split splits a command line as a shell does. It returns at least one word.
func split(line string) ([]string, error) {
	if len(line) > maxCommand {
		return nil, fmt.Errorf("the command has %d bytes; at most %d are possible", len(line), maxCommand)
	}
	if strings.Contains(line, "\x00") {
		return nil, errors.New("the command has a NUL byte")
	}
	words, err := shellquote.Split(line)
	if err == nil && len(words) == 0 {
		err = errors.New("the command is empty")
	}
	return words, err
}

// parse parses the words of a command line.
func parse(words []string) (*command, error) {
	c := new(command)
	rest := words[1:]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		letters := rest[0][1:]
		rest = rest[1:]
		if letters == "-" {
			break
		}
		for _, letter := range letters {
			if !c.set(letter) {
				return nil, fmt.Errorf("unknown option -%s", text.Line(string(letter)))
			}
		}
	}
	c.paths = rest
	return c, nil
}

// set sets an option.
func (c *command) set(letter rune) bool {
	switch letter {
	case 't':
		c.upload = true
	case 'f':
		c.download = true
	case 'p':
		c.preserve = true
	case 'r':
		c.recursive = true
	case 'd':
		c.directory = true
	case 'v':
		c.verbose = true
	case 'q': // there is no progress to hide
	default:
		return false
	}
	return true
}

// check checks that a command can be served.
func (c *command) check() error {
	switch {
	case c.upload == c.download:
		return errors.New("one of -t and -f is needed; use the scp program of the client")
	case c.upload && len(c.paths) != 1:
		return errors.New("ambiguous target: quote a path with blanks")
	case len(c.paths) == 0:
		return errors.New("no path")
	}
	return nil
}
