package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// Config holds configuration files. A Config is immutable and safe for
// concurrent use. The zero value holds no files.
type Config struct {
	command *file // the lines of Override; may be nil
	files   []*file
}

// Load reads files in order of precedence: the first value of a keyword counts.
// Without arguments Load reads ~/.ssh/config and /etc/ssh/ssh_config and skips
// a missing one. Included files are read too.
//
// Load returns an error if a file cannot be read, is larger than 256 KiB, or
// has a keyword without an argument or an unclosed quote. As ssh does, Load
// refuses ~/.ssh/config and included files that other users may write to. Load
// reads disks, so do not call it on the reactor goroutine.
func Load(files ...string) (*Config, error) {
	r, err := newReader()
	if err != nil {
		return nil, err
	}
	usual := len(files) == 0
	if usual {
		files = []string{filepath.Join(r.account.home, ".ssh", "config"), systemDir + "/ssh_config"}
	}
	c := &Config{}
	for i, name := range files {
		f, err := r.file(source{name: name, user: filepath.Dir(name) != systemDir, private: usual && i == 0}, 0)
		if usual && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, f)
	}
	return c, nil
}

// Parse returns the Config of a text, as Load does for a file. Errors name the
// text "config". Relative names in Include are taken from ~/.ssh.
func Parse(text []byte) (*Config, error) {
	r, err := newReader()
	if err != nil {
		return nil, err
	}
	f, err := r.parse(source{name: "config", user: true}, text, 0)
	if err != nil {
		return nil, err
	}
	return &Config{files: []*file{f}}, nil
}

// Override returns a Config in which lines come before those of c, as the lines
// of ssh's option -o come before those of the files. A line has a keyword and
// its arguments, such as "Port 22" or "Port=22". As with ssh, the lines do not
// count for jump hosts. Override may be used again on the result; the later
// lines then come first.
//
// Override returns an error for Host, Match and Include, and for a line that
// Parse would refuse. Errors about the lines name "command line" and the number
// of the line.
func (c *Config) Override(lines ...string) (*Config, error) {
	command := &file{name: "command line"}
	for i, text := range lines {
		if text == "" {
			continue
		}
		l, err := parseLine(text, place{command.name, i + 1})
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		switch l.keyword {
		case "host", "match", "include":
			return nil, l.errorf("%s is for files only", l.keyword)
		}
		command.lines = append(command.lines, l)
	}
	if c.command != nil {
		command.lines = append(command.lines, c.command.lines...)
	}
	return &Config{command: command, files: c.files}, nil
}

// Get returns the values of a keyword for a name, as [Host.Get] does.
func (c *Config) Get(name, keyword string) ([]string, error) {
	if _, err := findKeyword(keyword); err != nil {
		return nil, err
	}
	h, err := c.Lookup(name)
	if err != nil {
		return nil, err
	}
	return h.Get(keyword)
}

func findKeyword(name string) (keyword, error) {
	k, ok := keywords[strings.ToLower(name)]
	if !ok {
		return k, fmt.Errorf("sshconfig: %q is not a keyword", name)
	}
	return k, nil
}
