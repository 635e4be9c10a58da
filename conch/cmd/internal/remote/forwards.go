package remote

import (
	"errors"
	"os"
	"strings"

	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
)

// errForward says that a forwarding failed, and that the program must end.
var errForward = errors.New("remote: a forwarding failed")

// startForwards starts the forwardings one after the other. It fails if one fails
// and ExitOnForwardFailure is set.
func (j *job) startForwards() deferred.Deferred[deferred.Void] {
	all := deferred.Succeed(deferred.Void{})
	for _, f := range j.forwards {
		all = deferred.ThenDeferred(all, func(deferred.Void) deferred.Deferred[deferred.Void] {
			return deferred.ThenBoth(j.startForward(f), func(to *forward.Forwarder, err error) (deferred.Void, error) {
				switch {
				case err == nil:
					j.announce(f, to)
				case j.strict:
					j.last = append(j.last, "forwarding "+f.String()+" failed: "+text.Line(text.TrimPrefix(err)))
					return deferred.Void{}, errForward
				default:
					j.warn("forwarding %s failed: %s", f, text.Line(text.TrimPrefix(err)))
				}
				return deferred.Void{}, nil
			})
		})
	}
	return all
}

// startForward starts a forwarding. On this machine, localhost means both
// loopback addresses, and one of them is enough.
func (j *job) startForward(f forwarding) deferred.Deferred[*forward.Forwarder] {
	port, local := strings.CutPrefix(f.listen.address, "localhost:")
	if f.remote || !local {
		return j.startOne(f)
	}
	four, six := f, f
	four.listen.address, six.listen.address = "127.0.0.1:"+port, "[::1]:"+port
	return deferred.ThenBothDeferred(j.startOne(four), func(to *forward.Forwarder, err error) deferred.Deferred[*forward.Forwarder] {
		return deferred.ThenBoth(j.startOne(six), func(to6 *forward.Forwarder, err6 error) (*forward.Forwarder, error) {
			if err == nil {
				return to, nil
			}
			if err6 == nil {
				return to6, nil
			}
			return nil, err
		})
	})
}

func (j *job) startOne(f forwarding) deferred.Deferred[*forward.Forwarder] {
	if f.listen.network == "unix" && !f.remote && j.unlink {
		_ = os.Remove(f.listen.address) // listening reports an error
	}
	switch socks := f.to == (address{}); {
	case f.remote && socks:
		return forward.RemoteDynamic(j.conn, f.listen.network, f.listen.address, nil)
	case f.remote:
		return forward.Remote(j.conn, f.listen.network, f.listen.address, f.to.network, f.to.address)
	case socks:
		return forward.Dynamic(j.conn, f.listen.network, f.listen.address)
	}
	return forward.Local(j.conn, f.listen.network, f.listen.address, f.to.network, f.to.address)
}

// announce names the port that the server has chosen, as ssh does.
func (j *job) announce(f forwarding, to *forward.Forwarder) {
	if at, ok := to.Addr().(forward.HostPort); ok && f.remote && strings.HasSuffix(f.listen.address, ":0") {
		j.info("Allocated port %d for remote forward to %s", at.Port, f.to)
	}
}
