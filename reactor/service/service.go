package service

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/deferred"
)

// Service is a part of a program that can be started and stopped. To make one,
// embed [BaseService] by value and define StartService and StopService:
//
//	type cache struct{ service.BaseService }
//
//	func (c *cache) StartService() error { return c.load() }
//
// A [MultiService] and [Main] call both methods on the loop: StartService only
// on a service that is stopped, StopService only on one that is started. So the
// methods need not call those of BaseService. They must not block.
type Service interface {
	// StartService starts the service. If it returns an error or panics, the
	// service is not started, and StopService is not called.
	StartService() error

	// StopService stops the service. The Deferred fires when the service has
	// ended; the zero Deferred means that it has. Cancelling the Deferred should
	// end the service at once.
	StopService() deferred.Deferred[struct{}]

	// Name, Running and Parent are methods of BaseService.
	Name() string
	Running() bool
	Parent() *MultiService

	base() *BaseService
}

// PrivilegedStarter is an optional interface of services that must do something
// before the program gives up its privileges, such as listening on port 80.
// [Main] calls PrivilegedStartService of all services before the first
// StartService. To give up the privileges in between, add a service whose
// StartService does that before all others. An error ends the start.
type PrivilegedStarter interface{ PrivilegedStartService() error }

// BaseService implements [Service]. Embed it by value in your own services. The
// zero value is ready to use.
type BaseService struct {
	name     string
	parent   *MultiService
	running  bool
	stopping *ending // while StopService, called by stop, is in progress
}

// StartService does nothing but make Running return true.
func (b *BaseService) StartService() error {
	b.running = true
	return nil
}

// StopService does nothing but make Running return false.
func (b *BaseService) StopService() (none deferred.Deferred[struct{}]) {
	b.running = false
	return none
}

func (b *BaseService) base() *BaseService { return b }

// Name returns the name, or "" if there is none.
func (b *BaseService) Name() string { return b.name }

// SetName sets the name, under which the parent finds the service. SetName
// panics with [ErrHasParent] if the service has a parent.
func (b *BaseService) SetName(name string) {
	if b.parent != nil {
		panic(ErrHasParent)
	}
	b.name = name
}

// Running reports whether the service is started, by its parent, by Main, or by
// a StartService that calls that of BaseService.
func (b *BaseService) Running() bool { return b.running }

// Parent returns the MultiService to which the service was added, or nil.
func (b *BaseService) Parent() *MultiService { return b.parent }

// label returns the name of a service for errors, or else its type.
func label(s Service) string {
	if name := s.Name(); name != "" {
		return name
	}
	return strings.TrimLeft(fmt.Sprintf("%T", s), "*")
}

// start starts s, unless it is running.
func start(s Service) error {
	b := s.base()
	switch {
	case b.running:
		return nil
	case b.stopping != nil:
		return &Error{"starting", label(s), ErrStopping}
	}
	if err := try(s.StartService); err != nil {
		b.running = false
		return named("starting", s, err)
	}
	b.running = true
	return nil
}

// startPrivileged calls PrivilegedStartService if s has that method.
func startPrivileged(s Service) error {
	p, ok := s.(PrivilegedStarter)
	if !ok || s.Running() {
		return nil
	}
	return named("starting", s, try(p.PrivilegedStartService))
}

// stop stops s. The Deferred fires when s has ended, at once if s is not
// running. A MultiService that has failed to start has ended when the services
// that it had started have.
func stop(s Service) deferred.Deferred[struct{}] {
	b := s.base()
	if b.running {
		e := new(ending)
		b.running, b.stopping = false, e
		e.begin(s.StopService, func(err error) error {
			b.stopping = nil
			return named("stopping", s, err)
		})
		return e.wait()
	}
	if m, ok := s.(interface{ unfinished() *ending }); ok && b.stopping == nil {
		return m.unfinished().wait()
	}
	return b.stopping.wait()
}

// try calls f. A panic becomes a *deferred.PanicError.
func try(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	return f()
}
