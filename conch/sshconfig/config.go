package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Config holds configuration files. A Config is immutable and safe for
// concurrent use. The zero value holds no files.
type Config struct {
	files []*file
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

// Get returns the values of a keyword for a name, which has a form that
// [Config.Target] describes. The values are those of ssh -G, with yes and no
// for true and false. Get returns no values for a keyword that is not set and
// has no default, or is "none". Get is meant for keywords that do not affect a
// Target, such as LocalForward and SendEnv. The notes on blocking at
// [Config.Target] apply.
func (c *Config) Get(name, keyword string) ([]string, error) {
	k, ok := keywords[strings.ToLower(keyword)]
	if !ok {
		return nil, fmt.Errorf("sshconfig: %q is not a keyword", keyword)
	}
	s, err := c.resolve(name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.values[k.name].values), nil
}
