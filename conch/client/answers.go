package client

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/deferred"
)

// passwordTries is how often the user is asked for the password, and how often keyboard-interactive authentication is tried, as ssh's
// NumberOfPasswordPrompts.
const passwordTries = 3

// GetPassword asks the user for the password, without echo, up to three times in all (C-AUTH-37).
func (a *SSHUserAuthClient) GetPassword(prompt string) deferred.Deferred[string] {
	if prompt == "" {
		if a.passwords == passwordTries {
			return deferred.Fail[string](ErrUnavailable)
		}
		a.passwords++
		prompt = fmt.Sprintf("%s@%s's password: ", a.User, a.transport.options.Host)
		if a.passwords > 1 {
			prompt = "Permission denied, please try again.\n" + prompt
		}
	}
	return a.ui().ReadLine(prompt, false)
}

// GetGenericAnswers shows name and instruction, if there are any, and asks each prompt on the UI (C-AUTH-38). It does so in up to three attempts, in
// each of which the server may ask several times.
func (a *SSHUserAuthClient) GetGenericAnswers(name, instruction string, prompts []Prompt) deferred.Deferred[[]string] {
	if !a.asked {
		if a.dialogues == passwordTries {
			return deferred.Fail[[]string](ErrUnavailable)
		}
		a.dialogues++
		a.asked = true
	}
	for _, text := range []string{name, instruction} {
		if strings.TrimSpace(text) != "" {
			a.ui().Warn(text)
		}
	}
	return a.askAll(prompts, nil)
}

func (a *SSHUserAuthClient) askAll(prompts []Prompt, answers []string) deferred.Deferred[[]string] {
	if len(prompts) == 0 {
		return deferred.Succeed(answers)
	}
	asked := a.ui().ReadLine(prompts[0].Text, prompts[0].Echo)
	return deferred.ThenDeferred(asked, func(answer string) deferred.Deferred[[]string] {
		return a.askAll(prompts[1:], append(answers, answer))
	})
}
