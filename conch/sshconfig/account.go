package sshconfig

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// account is the local user and the local host, for tokens and Match.
type account struct {
	user, uid, home string
	host            string // the name of this machine
}

// localAccount returns the account of this process. home is os.UserHomeDir's.
func localAccount() (account, error) {
	u, err := user.Current()
	if err != nil {
		return account{}, fmt.Errorf("sshconfig: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return account{}, fmt.Errorf("sshconfig: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = u.HomeDir
	}
	return account{user: u.Username, uid: u.Uid, home: home, host: host}, nil
}

// expandTilde replaces ~ and ~user at the start of a path.
func (a account) expandTilde(path string) (string, error) {
	name, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	name, rest, _ := strings.Cut(name, "/")
	home := a.home
	if name != "" {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		home = u.HomeDir
	}
	rest = strings.TrimLeft(rest, "/")
	if rest == "" {
		return strings.TrimSuffix(home, "/") + "/", nil
	}
	return filepath.Join(home, "/") + "/" + rest, nil
}
