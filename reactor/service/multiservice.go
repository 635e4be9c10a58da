package service

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/internal/arg"
)

// MultiService is a service that consists of others. It starts them in the
// order in which they were added, and stops them in the reverse order. A
// MultiService can be a part of another one. The zero value is ready to use.
type MultiService struct {
	BaseService

	// InTurn makes StopService stop each service when the one before has ended.
	// Then a service can use those that were added before it until it has ended
	// itself, but must not wait for one of them to stop. Otherwise StopService
	// begins to stop all of them at once.
	InTurn bool

	children []Service
	starting bool
	ending   *ending // while the services are being stopped
}

// AddService adds s after the others. If m is running, AddService also starts
// s, and returns an error and does not add s if that fails.
//
// AddService returns [ErrHasParent] if s has a parent, an error that wraps
// [ErrNameTaken] if there is a service with the name of s, and [ErrCircle] if s
// contains m.
func (m *MultiService) AddService(s Service) error {
	arg.NotNil("service: AddService", "service", s)
	if err := m.check(s); err != nil {
		return err
	}
	s.base().parent = m
	m.children = append(m.children, s)
	if !m.running {
		return nil // StartService starts s, perhaps soon
	}
	err := startPrivileged(s)
	if err == nil {
		err = start(s)
	}
	if err != nil {
		m.remove(s)
	}
	return err
}

// check returns the reason why s cannot be added.
func (m *MultiService) check(s Service) error {
	if s.base().parent != nil {
		return ErrHasParent
	}
	if s.Name() != "" && m.GetServiceNamed(s.Name()) != nil {
		return fmt.Errorf("%w: %q", ErrNameTaken, s.Name())
	}
	for up := m; up != nil; up = up.parent {
		if s.base() == up.base() {
			return ErrCircle
		}
	}
	return nil
}

// RemoveService removes s, and stops it if it is running. The Deferred fires
// when s has ended. It fails with [ErrNotChild] if s is not one of the services
// of m, and with the failure of StopService.
func (m *MultiService) RemoveService(s Service) deferred.Deferred[struct{}] {
	arg.NotNil("service: RemoveService", "service", s)
	if s.Parent() != m {
		return deferred.Fail[struct{}](ErrNotChild)
	}
	m.remove(s)
	return stop(s)
}

func (m *MultiService) remove(s Service) {
	s.base().parent = nil
	m.children = slices.DeleteFunc(m.children, func(child Service) bool { return child.base() == s.base() })
}

// GetServiceNamed returns the service with a name, or nil if there is none.
func (m *MultiService) GetServiceNamed(name string) Service {
	for _, s := range m.children {
		if s.Name() == name && name != "" {
			return s
		}
	}
	return nil
}

// Services returns the services in the order in which they were added.
func (m *MultiService) Services() []Service { return slices.Clone(m.children) }

// PrivilegedStartService calls that of the services that have one. It returns
// the first error.
func (m *MultiService) PrivilegedStartService() error {
	for _, s := range m.Services() {
		if err := startPrivileged(s); err != nil {
			return err
		}
	}
	return nil
}

// StartService starts the services. If one fails, StartService stops those that
// it has started and returns the error, an *[Error]. Its cause is the error or
// panic of the service. StopService then waits for the end of the others.
func (m *MultiService) StartService() error {
	switch {
	case m.running || m.starting:
		return nil
	case m.ending != nil:
		return ErrStopping
	}
	m.starting = true
	defer func() { m.starting = false }()
	for s := m.firstStopped(); s != nil; s = m.firstStopped() {
		if err := start(s); err != nil {
			if e := m.stopAll(); e.over && e.err != nil {
				return errors.Join(err, e.err)
			}
			return err
		}
	}
	m.running = true
	return nil
}

// firstStopped returns the first service that is not running, or nil.
func (m *MultiService) firstStopped() Service {
	for _, s := range m.children {
		if !s.Running() {
			return s
		}
	}
	return nil
}

// StopService stops the services that are running, in the reverse order. Its
// Deferred fires when all have ended. If services have failed to stop, it fails
// with the errors of all of them, joined. Cancelling it cancels the Deferreds of
// the services that are being stopped.
func (m *MultiService) StopService() deferred.Deferred[struct{}] {
	m.running = false
	return m.stopAll().wait()
}

// stopAll stops the services, unless that is in progress.
func (m *MultiService) stopAll() *ending {
	if m.ending != nil {
		return m.ending
	}
	e := new(ending)
	m.ending = e
	e.begin(m.stopEach, func(err error) error {
		m.ending = nil
		return err
	})
	return e
}

// unfinished returns the end that is in progress, or nil.
func (m *MultiService) unfinished() *ending { return m.ending }

func (m *MultiService) stopEach() deferred.Deferred[struct{}] {
	services := m.Services()
	slices.Reverse(services)
	if m.InTurn {
		return stopInTurn(services)
	}
	var ends []deferred.Deferred[struct{}]
	for _, s := range services {
		ends = append(ends, stop(s))
	}
	return deferred.Then(deferred.List(ends, deferred.ConsumeErrors), func(outcomes []deferred.Outcome[struct{}]) (none struct{}, _ error) {
		var errs []error
		for i, o := range outcomes {
			errs = append(errs, named("stopping", services[i], o.Err))
		}
		return none, errors.Join(errs...)
	})
}

// stopInTurn stops one service after the other. When the Deferred is cancelled,
// the present one is cancelled, and the next one follows.
func stopInTurn(services []Service) deferred.Deferred[struct{}] {
	return deferred.Inline(func(co *deferred.Coro) (none struct{}, _ error) {
		var errs []error
		for _, s := range services {
			_, err := deferred.Await(co, stop(s))
			errs = append(errs, named("stopping", s, err))
		}
		return none, errors.Join(errs...)
	})
}

// unended returns the names of the services that are being stopped.
func unended(s Service) (names []string) {
	m, ok := s.(interface{ Services() []Service })
	if !ok {
		if s.base().stopping != nil {
			names = append(names, label(s))
		}
		return names
	}
	for _, child := range m.Services() {
		names = append(names, unended(child)...)
	}
	return names
}
