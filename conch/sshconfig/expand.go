package sshconfig

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// tokens are the values of the tokens of ssh_config(5), section TOKENS, by
// their letters.
type tokens map[byte]string

// Tokens that a keyword knows besides %%.
const (
	allTokens     = "CLdhijklnpru"
	hostTokens    = "h"
	commandTokens = "hknpr"
)

// newTokens returns all tokens. host is the name after HostName, alias the name
// that the host key is looked up under, jump the last jump host.
func newTokens(a account, original, host, port, user, alias, jump string) tokens {
	short, _, _ := strings.Cut(a.host, ".")
	sum := sha1.Sum([]byte(a.host + host + port + user + jump)) // ssh's choice; a name, not a proof
	return tokens{
		'C': hex.EncodeToString(sum[:]), 'L': short, 'd': a.home, 'h': host, 'i': a.uid, 'j': jump, 'k': alias,
		'l': a.host, 'n': original, 'p': port, 'r': user, 'u': a.user,
	}
}

// expand replaces the tokens in text that are among known.
func (t tokens) expand(text, known string) (string, error) {
	return expander{tokens: t, known: known}.expand(text)
}

// expandCommand is expand for a shell command. expandCommand returns an error
// if a host or user name is unsafe in a shell command.
func (t tokens) expandCommand(text, known string) (string, error) {
	return expander{tokens: t, known: known, shell: true}.expand(text)
}

// expandEnv replaces ${NAME} by environment variables, which must be set.
func expandEnv(text string) (string, error) {
	return expander{env: true}.expand(text)
}

// expander replaces tokens and environment variables. Replacements are not
// expanded again.
type expander struct {
	tokens tokens
	known  string // the letters of the tokens; without any, % has no meaning
	env    bool   // ${NAME} stands for an environment variable
	shell  bool   // names must be safe in a shell command
}

func (e expander) expand(text string) (string, error) {
	var out strings.Builder
	for text != "" {
		var value string
		var err error
		switch {
		case e.env && strings.HasPrefix(text, "${"):
			value, text, err = cutVariable(text[2:])
		case e.known != "" && text[0] == '%':
			value, text, err = e.cutToken(text[1:])
		default:
			value, text = text[:1], text[1:]
		}
		if err != nil {
			return "", err
		}
		out.WriteString(value)
	}
	return out.String(), nil
}

// cutVariable returns the value of a variable at the start of text, which ends
// at }, and the text behind.
func cutVariable(text string) (value, rest string, err error) {
	name, rest, closed := strings.Cut(text, "}")
	if !closed || name == "" {
		return "", "", errors.New("${ without a name and }")
	}
	value, set := os.LookupEnv(name)
	if !set {
		return "", "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return value, rest, nil
}

// cutToken returns the value of the token whose letter is at the start of text,
// and the text behind.
func (e expander) cutToken(text string) (value, rest string, err error) {
	switch {
	case text == "":
		return "", "", errors.New("a single % at the end; write %%")
	case text[0] == '%':
		return "%", text[1:], nil
	case strings.IndexByte(e.known, text[0]) < 0:
		return "", "", fmt.Errorf("the token %%%c is not known here; %% is written %%%%", text[0])
	}
	value = e.tokens[text[0]]
	if e.shell {
		err = checkToken(text[0], value)
	}
	return value, text[1:], err
}

// checkToken returns an error for a name that is unsafe in a shell command.
func checkToken(letter byte, value string) error {
	switch letter {
	case 'h', 'j', 'k', 'n':
		return checkHost(value)
	case 'r':
		return checkUser(value)
	}
	return nil
}
