package cred

import (
	"errors"
	"fmt"
)

// ErrUnauthorized is matched by the error for credentials that are not accepted.
// It is Twisted's UnauthorizedLogin.
var ErrUnauthorized = errors.New("cred: the login is refused")

// ErrUnknownUser is the error for credentials of a user whom a checker does not
// know. It matches ErrUnauthorized. Clients must not learn the difference; logs
// show it.
var ErrUnknownUser = fmt.Errorf("%w: the user is unknown", ErrUnauthorized)

// ErrUnhandled is the error of a Portal that has no checker for the credentials.
// It is Twisted's UnhandledCredentials.
var ErrUnhandled = errors.New("cred: no checker accepts credentials of this kind")

// refusal is an ErrUnauthorized that says why.
type refusal struct{ why string }

func refuse(why string) error { return &refusal{why} }

func (e *refusal) Error() string        { return "cred: " + e.why }
func (e *refusal) Is(target error) bool { return target == ErrUnauthorized }

// weight tells errors of several checkers apart: the heavier one tells more.
func weight(err error) int {
	switch {
	case err == ErrUnhandled:
		return 0
	case errors.Is(err, ErrUnknownUser):
		return 1
	case err == ErrUnauthorized:
		return 2
	case errors.Is(err, ErrUnauthorized):
		return 3
	default:
		return 4
	}
}
