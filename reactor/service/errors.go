package service

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrHasParent is returned by AddService for a service that has a parent,
	// and is the panic value of SetName for one.
	ErrHasParent = errors.New("service: the service has a parent; call its RemoveService first")

	// ErrNotChild is the failure of RemoveService for a service that was not
	// added.
	ErrNotChild = errors.New("service: the service is not one of this MultiService")

	// ErrNameTaken is wrapped by the error of AddService if there is a service
	// of that name.
	ErrNameTaken = errors.New("service: the name is taken; give each service of a MultiService another name, or none")

	// ErrCircle is returned by AddService for a service that contains the
	// MultiService.
	ErrCircle = errors.New("service: a service cannot contain itself")

	// ErrStopping is the cause of the error of a service that is started while
	// it is stopping.
	ErrStopping = errors.New("service: the service is stopping; wait for the Deferred of StopService")

	errNoService = errors.New("service: the function has returned a nil service")
)

// Error is the failure of a service to start or to stop. It matches its cause.
type Error struct {
	Op   string // "starting" or "stopping"
	Name string // the name of the service, or its type
	Err  error  // the cause; never nil
}

func (e *Error) Error() string { return fmt.Sprintf("service: %s %s: %v", e.Op, e.Name, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// named returns err as an *Error, unless it is, or contains, one already: that
// of a service in a MultiService.
func named(op string, s Service, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{op, label(s), err}
}

// TimeoutError is the failure of Main if services had not ended when the
// shutdown timeout of the reactor had passed.
type TimeoutError struct {
	Names []string // the services that had not ended: their names, or types
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("service: not stopped before the shutdown timeout: %s; see reactor.Options.ShutdownTimeout",
		strings.Join(e.Names, ", "))
}
