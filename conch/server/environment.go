package server

import (
	"path"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/deferred"
)

// defaultAcceptEnv are the variables that a client may set.
var defaultAcceptEnv = []string{"LANG", "LC_*"}

// accepts reports whether a variable is in a list of patterns, as of path.Match.
// Of protected variables the list must have the very name.
func accepts(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok && !protected(name) || pattern == name
	})
}

// protectedEnv are variables that change who a program is, or which code it
// runs. They are compared without regard to case.
var protectedEnv = []string{
	"USER", "LOGNAME", "HOME", "SHELL", "MAIL", "TERM", "SSH_*", // of the session
	"LD_*", "DYLD_*", "_RLD*", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS", // of the system
	"PATH", "IFS", "ENV", "CDPATH", "PS4", "SHELLOPTS", "BASHOPTS", "BASH_*", "GLOBIGNORE", "PROMPT_COMMAND", "FPATH", "ZDOTDIR",
	"PERL*", "PYTHON*", "RUBY*", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "TERMINFO*", "TERMCAP", "TERMPATH",
}

func protected(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(protectedEnv, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// accepted has variables that a client has set, as NAME=value. The last value of
// a name counts.
type accepted []string

// set adds a variable if a list of patterns allows it. nil means LANG and LC_*.
func (a *accepted) set(patterns []string, name, value string) deferred.Deferred[struct{}] {
	if patterns == nil {
		patterns = defaultAcceptEnv
	}
	if !accepts(patterns, name) || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
		return refused()
	}
	*a = slices.DeleteFunc(*a, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	*a = append(*a, name+"="+value)
	return deferred.Succeed(struct{}{})
}
