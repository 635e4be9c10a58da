package forward

import (
	"fmt"
	"net"
	"strconv"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// HostPort is the address of one end of a forwarded TCP connection.
type HostPort struct {
	Host string // a name or a numeric address
	Port int
}

// Network returns "tcp".
func (a HostPort) Network() string { return "tcp" }

func (a HostPort) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// splitHostPort parses the address of a TCP connection, as net.Dial does.
func splitHostPort(address string) (a HostPort, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return a, err
	}
	number, err := net.LookupPort("tcp", port)
	return HostPort{host, number}, err
}

// hostPortOf returns a as a HostPort. The result is a placeholder if a is not a
// TCP address.
func hostPortOf(a net.Addr) HostPort {
	if a, err := splitHostPort(a.String()); err == nil {
		return a
	}
	return HostPort{Host: "127.0.0.1"}
}

// PackOpenDirectTCPIP returns the data of a direct-tcpip channel (RFC 4254,
// section 7.2): the address that the server connects to, and the address of the
// client for which it does so. A forwarded-tcpip channel has the same format: the
// address that the peer listens on, and the address of its client.
func PackOpenDirectTCPIP(destination, originator HostPort) []byte {
	var e wire.Encoder
	for _, a := range []HostPort{destination, originator} {
		e.String(a.Host)
		e.Uint32(uint32(a.Port))
	}
	return e.Data()
}

// UnpackOpenDirectTCPIP is the reverse of PackOpenDirectTCPIP. It returns an
// error if data is malformed.
func UnpackOpenDirectTCPIP(data []byte) (destination, originator HostPort, err error) {
	d := wire.NewDecoder(data)
	destination, originator = parseHostPort(&d), parseHostPort(&d)
	return destination, originator, malformed("direct-tcpip", d.Finish())
}

// PackGlobalTCPIPForward returns the payload of the global requests tcpip-forward
// and cancel-tcpip-forward (RFC 4254, section 7.1).
func PackGlobalTCPIPForward(listen HostPort) []byte {
	var e wire.Encoder
	e.String(listen.Host)
	e.Uint32(uint32(listen.Port))
	return e.Data()
}

// UnpackGlobalTCPIPForward is the reverse of PackGlobalTCPIPForward. It returns
// an error if data is malformed.
func UnpackGlobalTCPIPForward(data []byte) (listen HostPort, err error) {
	d := wire.NewDecoder(data)
	listen = parseHostPort(&d)
	return listen, malformed("tcpip-forward", d.Finish())
}

func parseHostPort(d *wire.Decoder) HostPort { return HostPort{d.String(), int(d.Uint32())} }

// packOpenStreamlocal returns the data of a direct-streamlocal@openssh.com
// channel (OpenSSH's PROTOCOL, section 2.4): the path, and two reserved fields.
func packOpenStreamlocal(path string) []byte {
	var e wire.Encoder
	e.String(path)
	e.String("")
	e.Uint32(0)
	return e.Data()
}

// unpackOpenStreamlocal is the reverse of packOpenStreamlocal.
func unpackOpenStreamlocal(data []byte) (path string, err error) {
	d := wire.NewDecoder(data)
	path = d.String()
	_, _ = d.String(), d.Uint32()
	return path, malformed("direct-streamlocal@openssh.com", d.Finish())
}

// unpackPath returns the path of the request to listen on a UNIX socket, or to
// stop it.
func unpackPath(data []byte) (path string, err error) {
	d := wire.NewDecoder(data)
	path = d.String()
	return path, malformed("streamlocal-forward@openssh.com", d.Finish())
}

// unpackForwardedStreamlocal returns the path of a
// forwarded-streamlocal@openssh.com channel. A reserved string follows the path.
func unpackForwardedStreamlocal(data []byte) (path string, err error) {
	d := wire.NewDecoder(data)
	path = d.String()
	_ = d.String()
	return path, malformed("forwarded-streamlocal@openssh.com", d.Finish())
}

// malformed adds to err which payload is malformed. It returns nil for nil.
func malformed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("forward: malformed %s: %w", what, err)
}
