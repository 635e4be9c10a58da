//go:build !unix

package endpoints

import (
	"errors"

	"github.com/hawser-go/hawser/reactor"
)

// systemdServer fails: this system has no service manager that passes sockets.
func systemdServer(reactor.Network, *Description) (StreamServerEndpoint, error) {
	return nil, errors.New("this system has no systemd")
}
