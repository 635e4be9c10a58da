package manhole

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/service"
)

// ServiceOptions configures [MakeService].
type ServiceOptions struct {
	// SSH and Telnet are where the service listens: descriptions of endpoints
	// for endpoints.ServerFromString, such as "tcp:6022:interface=127.0.0.1" or
	// "unix:/run/app/manhole:mode=600". Without an interface, "tcp:6022" can be
	// reached from everywhere. An empty description means that the service does
	// not listen. At least one is needed. Telnet encrypts nothing.
	SSH, Telnet string

	// Program returns the program of a session, such as a new Manhole.
	Program func() insults.Protocol

	// Checkers judge the logins. At least one is needed.
	Checkers []cred.Checker

	// HostKeyDir is the directory with the host key for SSH. The key is made at
	// the first start.
	HostKeyDir string
}

// MakeService returns a service that gives users a terminal program over SSH
// and telnet. It is Twisted's manhole_tap.makeService. It listens when it is
// started. Call MakeService on the loop, or before Run. It fails if an option is
// wrong, and if the host key can neither be read nor made.
func MakeService(r *reactor.Reactor, o ServiceOptions) (*service.MultiService, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	all := new(service.MultiService)
	if o.Telnet != "" {
		r.Logger().Warn("manhole: telnet shows passwords and sessions to everybody on the way", "endpoint", o.Telnet)
		if err := listen(r, all, o.Telnet, NewTelnetFactory(r, o.Program, o.Checkers...)); err != nil {
			return nil, err
		}
	}
	if o.SSH == "" {
		return all, nil
	}
	factory := NewConchFactory(cred.NewPortal[server.Avatar](NewTerminalRealm(o.Program), o.Checkers...))
	factory.Reactor = r
	var err error
	if factory.PrivateKeys, err = server.MakeHostKeys(o.HostKeyDir); len(factory.PrivateKeys) == 0 {
		return nil, fmt.Errorf("manhole: no host key: %s", text.TrimPrefix(err))
	}
	if err := listen(r, all, o.SSH, factory); err != nil {
		return nil, err
	}
	return all, nil
}

func (o *ServiceOptions) check() error {
	switch {
	case o.SSH == "" && o.Telnet == "":
		return errors.New("manhole: the service listens nowhere; set SSH or Telnet")
	case o.Program == nil:
		return errors.New("manhole: the service has no program; set Program")
	case len(o.Checkers) == 0:
		return errors.New("manhole: nobody can log in; set Checkers")
	case o.SSH != "" && o.HostKeyDir == "":
		return errors.New("manhole: SSH needs a host key; set HostKeyDir")
	}
	return nil
}

// listen adds a service that listens.
func listen(r *reactor.Reactor, all *service.MultiService, description string, f reactor.Factory) error {
	endpoint, err := endpoints.ServerFromString(r, description)
	if err != nil {
		return fmt.Errorf("manhole: %s", text.TrimPrefix(err))
	}
	return all.AddService(endpoints.NewServerService(endpoint, f))
}
