package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
)

// GetPassword fires with Options.Password the first time. Without
// Options.Password and Options.Signers it asks the user, without echo, up to
// Options.PasswordPrompts times. After that it fails with ErrUnavailable. With a
// prompt it asks the user in any case.
func (a *DefaultAuthClient) GetPassword(prompt string) deferred.Deferred[string] {
	if prompt != "" {
		return a.transport.ui().ReadLine(prompt, false)
	}
	o := &a.transport.options
	a.passwords++
	switch {
	case o.Password != "" && a.passwords == 1:
		return deferred.Succeed(o.Password)
	case o.given() || a.passwords > o.passwordPrompts():
		return deferred.Fail[string](ErrUnavailable)
	}
	prompt = fmt.Sprintf("%s@%s's password: ", a.User, a.transport.host)
	if a.passwords > 1 {
		prompt = "Permission denied, please try again.\n" + prompt
	}
	a.warnOfKeys()
	return a.transport.ui().ReadLine(prompt, false)
}

// GetGenericAnswers shows name and instruction and asks the user each prompt.
// It does so in up to Options.PasswordPrompts attempts. In an attempt the server
// can ask several times.
//
// Options.Password answers a single prompt without echo, once. If
// Options.Password or Options.Signers are set, the user is asked the other
// prompts only if Options.UI is set.
func (a *DefaultAuthClient) GetGenericAnswers(name, instruction string, prompts []Prompt) deferred.Deferred[[]string] {
	o := &a.transport.options
	if !a.inDialogue {
		a.inDialogue = true
		if a.dialogues++; a.dialogues > o.passwordPrompts() || a.answered {
			return deferred.Fail[[]string](ErrUnavailable)
		}
	}
	if o.Password != "" && !a.answered && len(prompts) == 1 && !prompts[0].Echo {
		a.answered = true
		return deferred.Succeed([]string{o.Password})
	}
	if o.given() && !a.transport.hasUI {
		return a.SSHUserAuthClient.GetGenericAnswers(name, instruction, prompts)
	}
	a.warnOfKeys()
	for _, said := range []string{name, instruction} {
		if strings.TrimSpace(said) != "" {
			a.transport.ui().Warn(said)
		}
	}
	return a.askAll(prompts, nil)
}

// warnOfKeys tells the user which key files are bad, such as those that others can
// read, before the user is asked something instead. With BatchMode the user is
// not asked, and the error of the login names the files.
func (a *DefaultAuthClient) warnOfKeys() {
	if a.transport.options.BatchMode {
		return
	}
	for ; a.warned < len(a.transport.problems); a.warned++ {
		problem := a.transport.problems[a.warned]
		if _, bad := errors.AsType[*keys.BadKeyError](problem); bad && !errors.Is(problem, keys.ErrWrongPassphrase) {
			a.transport.ui().Warn("Key not used: " + text.Line(text.TrimPrefix(problem)))
		}
	}
}

func (a *DefaultAuthClient) askAll(prompts []Prompt, answers []string) deferred.Deferred[[]string] {
	if len(prompts) == 0 {
		return deferred.Succeed(answers)
	}
	asked := a.transport.ui().ReadLine(prompts[0].Text, prompts[0].Echo)
	return deferred.ThenDeferred(asked, func(answer string) deferred.Deferred[[]string] {
		return a.askAll(prompts[1:], append(answers, answer))
	})
}
