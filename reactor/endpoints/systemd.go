//go:build unix

package endpoints

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hawser-go/hawser/reactor"
)

// firstSystemdFD is the first descriptor that a service manager passes to a
// process, see sd_listen_fds(3).
const firstSystemdFD = 3

// passedSocket is a descriptor that the service manager has passed.
type passedSocket struct {
	fd    int
	name  string
	taken bool
}

// passed are the sockets of this process. Each is used once: the number of its
// descriptor may then belong to another file.
var passed struct {
	mu      sync.Mutex // guards the other fields
	known   bool       // the environment was read
	sockets []passedSocket
}

// systemdServer returns an endpoint for a socket that the service manager has
// passed, by its index or its name.
func systemdServer(r reactor.Network, d *Description) (StreamServerEndpoint, error) {
	d.name("domain", "index", "name")
	d.Option("domain", "") // the socket knows its address family
	index, name := d.Option("index", ""), d.Option("name", "")
	if (index == "") == (name == "") {
		return nil, errors.New("either index or name must be given")
	}
	if err := d.Err(); err != nil {
		return nil, err // the socket stays available
	}
	l, err := takeSocket(index, name)
	if err != nil {
		return nil, err
	}
	return NewAdoptedServerEndpoint(r, l), nil
}

// takeSocket returns the passed socket with an index, or with a name, as a
// listener.
func takeSocket(index, name string) (net.Listener, error) {
	passed.mu.Lock()
	defer passed.mu.Unlock()
	if !passed.known {
		passed.known = true
		passed.sockets = socketsInEnvironment()
	}
	s, err := findSocket(index, name)
	if err != nil {
		return nil, err
	}
	s.taken = true
	f := os.NewFile(uintptr(s.fd), "systemd")
	defer f.Close() // the listener has a duplicate
	return net.FileListener(f)
}

// findSocket returns the socket with an index, or the first unused one with a
// name.
func findSocket(index, name string) (*passedSocket, error) {
	wanted, used := "named "+name, false
	i, err := strconv.Atoi(index)
	if name == "" {
		wanted = index
	}
	for n := range passed.sockets {
		s := &passed.sockets[n]
		switch {
		case name != "" && s.name != name, name == "" && (err != nil || n != i):
		case s.taken:
			used = true
		default:
			return s, nil
		}
	}
	if used {
		return nil, fmt.Errorf("the socket %s is in use; a passed socket can be used once", wanted)
	}
	return nil, fmt.Errorf("the service manager passed no socket %s", wanted)
}

// socketsInEnvironment returns the sockets that the environment says were
// passed to this process. As sd_listen_fds does, it removes the variables, and
// makes the descriptors close on exec, so that no child process uses them.
func socketsInEnvironment() []passedSocket {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // cannot fail for these names
	}
	n, err := strconv.Atoi(count)
	if pid != strconv.Itoa(os.Getpid()) || err != nil || n <= 0 || n > maxPassed {
		return nil
	}
	sockets := make([]passedSocket, n)
	byName := strings.Split(names, ":")
	for i := range sockets {
		sockets[i].fd = firstSystemdFD + i
		syscall.CloseOnExec(sockets[i].fd)
		if len(byName) == n { // other numbers of names are an error of the manager
			sockets[i].name = byName[i]
		}
	}
	return sockets
}

// maxPassed is the largest number of passed sockets that is believed.
const maxPassed = 1 << 16
