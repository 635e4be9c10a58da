package sshconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// algorithms returns the list that a keyword asks for: by itself, or as a change of the default, with + at the end, with ^ at the front, and with
// - patterns that are taken away. What x/crypto/ssh does not have is left out; a list of which nothing remains is an error.
func (r *reader) algorithms(keyword string, known, risky []string) []string {
	text := r.string(keyword, "")
	if text == "" {
		return nil
	}
	names := strings.Split(strings.TrimLeft(text, "+-^"), ",")
	usable := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(known, n) && !slices.Contains(risky, n) })
	switch text[0] {
	case '-':
		usable = slices.DeleteFunc(slices.Clone(known), func(n string) bool { return matches(names, n) })
	case '+':
		usable = slices.Concat(without(known, usable), usable)
	case '^':
		usable = slices.Concat(usable, without(known, usable))
	}
	if len(usable) == 0 {
		r.fail(fmt.Errorf("sshconfig: %s: nothing of %q is known; known are %s", keyword, text, strings.Join(slices.Concat(known, risky), ", ")))
	}
	return usable
}

func without(list, names []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(n string) bool { return slices.Contains(names, n) })
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
