package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kevinburke/ssh_config"
)

// maxFile is the size in bytes up to which a file is read.
const maxFile = 256 << 10

// Config is the contents of some files; the first one that says something about a keyword counts.
type Config struct {
	files []*ssh_config.Config
}

// Load reads the files in order of precedence. Without any it reads ~/.ssh/config and /etc/ssh/ssh_config, those that exist.
func Load(files ...string) (*Config, error) {
	usual := len(files) == 0
	if usual {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("sshconfig: %w", err)
		}
		files = []string{filepath.Join(home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	}
	c := &Config{}
	for _, name := range files {
		parsed, err := load(name)
		if usual && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("sshconfig: %s: %w", name, err)
		}
		c.files = append(c.files, parsed)
	}
	return c, nil
}

func load(name string) (*ssh_config.Config, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, errors.New("too long")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ssh_config.DecodeBytes(text)
}

// Parse returns the Config of a text.
func Parse(text []byte) (*Config, error) {
	parsed, err := ssh_config.DecodeBytes(text)
	if err != nil {
		return nil, fmt.Errorf("sshconfig: %w", err)
	}
	return &Config{files: []*ssh_config.Config{parsed}}, nil
}

// Get returns the value of a keyword for a host, "" if there is none. Tokens are not expanded.
func (c *Config) Get(alias, keyword string) (string, error) {
	for _, f := range c.files {
		v, err := f.Get(alias, keyword)
		if err != nil {
			return "", fmt.Errorf("sshconfig: %s: %w", keyword, err)
		}
		if v != "" {
			return v, nil
		}
	}
	return "", nil
}

// GetAll returns every value of a keyword that may be repeated, such as IdentityFile.
func (c *Config) GetAll(alias, keyword string) ([]string, error) {
	var all []string
	for _, f := range c.files {
		v, err := f.GetAll(alias, keyword)
		if err != nil {
			return nil, fmt.Errorf("sshconfig: %s: %w", keyword, err)
		}
		all = append(all, v...)
	}
	return all, nil
}
