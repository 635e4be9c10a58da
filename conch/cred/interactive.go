package cred

import (
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// askPassword is a checker that asks for passwords.
type askPassword struct {
	checker Checker
	prompt  string
}

// AskPassword returns a Checker for keyboard-interactive authentication. It asks
// for a password, which another checker judges. Some clients try
// keyboard-interactive before they send a password, so a server that offers it
// should accept passwords so. An empty prompt means "Password: ".
func AskPassword(c Checker, prompt string) Checker {
	if prompt == "" {
		prompt = "Password: "
	}
	return askPassword{c, prompt}
}

// Kinds returns KindInteractive, if the other checker judges passwords.
func (a askPassword) Kinds() []Kind {
	if !slices.Contains(a.checker.Kinds(), KindPassword) {
		return nil
	}
	return []Kind{KindInteractive}
}

// RequestAvatarID implements Checker. Each user is asked, also one that does not
// exist.
func (a askPassword) RequestAvatarID(c Credentials) deferred.Deferred[string] {
	i, ok := c.(*Interactive)
	if !ok {
		return deferred.Fail[string](ErrUnhandled)
	}
	return deferred.ThenDeferred(i.Ask("", "", []Prompt{{Text: a.prompt}}), func(answers []string) deferred.Deferred[string] {
		if len(answers) != 1 || answers[0] == "" {
			return deferred.Fail[string](ErrUnauthorized)
		}
		return a.checker.RequestAvatarID(&UsernamePassword{Username: i.Username, Password: answers[0]})
	})
}
