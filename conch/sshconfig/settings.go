package sshconfig

import (
	"fmt"
	"strconv"
)

// setting is the values of a keyword, and the place where they were set. The
// place is empty for a default.
type setting struct {
	values []string
	at     place
}

// values are settings by the names of their keywords.
type values map[string]setting

// first returns the first value of a keyword, "" if there is none.
func (v values) first(name string) string {
	if set := v[name].values; len(set) > 0 {
		return set[0]
	}
	return ""
}

// settings is the result of evaluating the files for one host, including ssh's
// defaults.
type settings struct {
	values
	account account
	tokens  tokens
}

// expandPaths expands ~, tokens and environment variables in values.
func (s *settings) expandPaths(name string) error {
	set := s.values[name]
	var values []string
	for _, v := range set.values {
		path, err := s.path(v)
		if err != nil {
			return set.at.errorf("%s: %w", name, err)
		}
		values = append(values, path)
	}
	s.values[name] = setting{values, set.at}
	return nil
}

// path expands ~, tokens and environment variables.
func (s *settings) path(v string) (string, error) {
	v, err := s.account.expandTilde(v)
	if err != nil {
		return "", err
	}
	return expander{tokens: s.tokens, known: allTokens, env: true}.expand(v)
}

// number returns the value of a numeric keyword, and zero for "none".
func (s *settings) number(name string) int {
	n, err := strconv.Atoi(s.first(name))
	if err != nil {
		return 0 // "none"
	}
	return n
}

// errorf returns an error that names the place where a keyword was set.
func (s *settings) errorf(name, format string, args ...any) error {
	if at := s.values[name].at; at.file != "" {
		return at.errorf("%s: %w", name, fmt.Errorf(format, args...))
	}
	return fmt.Errorf("sshconfig: %s: %w", name, fmt.Errorf(format, args...))
}
