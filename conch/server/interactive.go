package server

import (
	"errors"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

const (
	// maxPrompts is the number of prompts in a round of keyboard-interactive
	// authentication, and maxRounds the number of rounds of an attempt.
	maxPrompts = 64
	maxRounds  = 64
)

var (
	errTooManyQuestions = errors.New("server: too many questions")
	errAsking           = errors.New("server: the user is being asked; ask again when the answers have come")
	errAskedLate        = errors.New("server: the attempt is over")
)

// dialogue is one attempt of keyboard-interactive authentication. The handshake
// goroutine asks the client and waits, in turn, for the next step of the hook.
// The fields belong to the loop.
type dialogue struct {
	a      *authentication
	next   deferred.Deferred[step] // fired when the hook asks or is done
	waits  bool                    // the handshake goroutine waits for next
	done   *step                   // the result, while the client is being asked
	over   bool
	whole  answer
	rounds int

	asking  bool
	answers deferred.Deferred[[]string]
}

// step is a question of the hook, or the result.
type step struct {
	question *question
	p        permissions
	err      error
}

type question struct {
	name, instruction string
	prompts           []string
	echos             []bool
}

func (a *authentication) interactive(meta gossh.ConnMetadata, challenge gossh.KeyboardInteractiveChallenge) (permissions, error) {
	c := claimOf(meta)
	d := &dialogue{a: a}
	s, err := await(a, func() deferred.Deferred[step] {
		next := d.wait()
		d.begin(c)
		return next
	})
	for err == nil && s.question != nil {
		q := s.question
		answers, failed := challenge(q.name, q.instruction, q.prompts, q.echos)
		s, err = await(a, func() deferred.Deferred[step] { return d.answered(answers, failed) })
	}
	if err != nil {
		a.t.Reactor().CallFromThread(d.abandon)
		return nil, err
	}
	return s.p, s.err
}

// begin calls the hook.
func (d *dialogue) begin(c claim) {
	judged := d.a.judge(c, "keyboard-interactive", nil, func() deferred.Deferred[string] {
		return d.a.t.auth.AuthKeyboardInteractive(d.ask)
	})
	d.whole = deferred.ThenBoth(judged, func(p permissions, err error) (permissions, error) {
		d.over = true
		d.deliver(step{p: p, err: err})
		return nil, nil
	})
}

// wait returns a Deferred for the next step.
func (d *dialogue) wait() deferred.Deferred[step] {
	if d.done != nil {
		return deferred.Succeed(*d.done)
	}
	d.waits = true
	d.next = deferred.New[step]()
	return d.next
}

// deliver passes a step to the handshake goroutine. While that asks the client,
// only the result can come.
func (d *dialogue) deliver(s step) {
	if !d.waits {
		d.done = &s
		return
	}
	d.waits = false
	_ = d.next.TryCallback(s) // the connection may have ended
}

// ask is the function that the hook asks with.
func (d *dialogue) ask(name, instruction string, prompts []cred.Prompt) deferred.Deferred[[]string] {
	switch d.rounds++; {
	case d.over:
		return deferred.Fail[[]string](errAskedLate)
	case d.asking:
		return deferred.Fail[[]string](errAsking)
	case d.rounds > maxRounds || len(prompts) > maxPrompts:
		return deferred.Fail[[]string](errTooManyQuestions)
	}
	q := &question{name: name, instruction: instruction}
	for _, p := range prompts {
		q.prompts, q.echos = append(q.prompts, p.Text), append(q.echos, p.Echo)
	}
	d.asking, d.answers = true, deferred.New[[]string]()
	d.deliver(step{question: q})
	return d.answers
}

// answered passes the answers of the client to the hook.
func (d *dialogue) answered(answers []string, err error) deferred.Deferred[step] {
	next := d.wait()
	d.asking, d.a.began = false, d.a.t.Reactor().Now()
	if err != nil {
		_ = d.answers.TryErrback(err) // the hook may have cancelled it
	} else {
		_ = d.answers.TryCallback(answers)
	}
	return next
}

// abandon ends the hook when nobody waits for it any more.
func (d *dialogue) abandon() {
	if !d.over {
		d.over = true
		d.whole.Cancel()
	}
}
