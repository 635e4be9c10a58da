package remote

import (
	"cmp"
	"fmt"
	"net"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/sshconfig"
)

// forwardLine returns the line of ssh_config for a value of -L or -R. ssh joins
// the two arguments of the line with a colon, so that any colon may divide them.
func forwardLine(keyword, value string) string {
	if i := strings.LastIndexByte(value, ':'); i >= 0 {
		return keyword + " " + login.Quote(value[:i]) + " " + login.Quote(value[i+1:])
	}
	return keyword + " " + login.Quote(value)
}

// remoteLine returns the line of ssh_config for a value of -R. A value without a
// destination makes the server a SOCKS proxy.
func remoteLine(value string) string {
	static := forwardLine("RemoteForward", value)
	config, err := new(sshconfig.Config).Override(static)
	if err == nil {
		_, err = config.Get("localhost", "RemoteForward")
	}
	if err != nil {
		return "RemoteForward " + login.Quote(value)
	}
	return static
}

// address is an address of package net.
type address struct{ network, address string }

// String returns the address. The zero value means a SOCKS proxy.
func (a address) String() string { return cmp.Or(a.address, "a proxy") }

// forwarding is one of -L, -R and -D.
type forwarding struct {
	remote bool    // the server listens
	listen address // here, or there
	to     address // there, or here; the zero value means a SOCKS proxy
}

func (f forwarding) String() string {
	letter := "-L"
	switch {
	case f.remote:
		letter = "-R"
	case f.to.address == "":
		return fmt.Sprintf("-D %s", f.listen)
	}
	return fmt.Sprintf("%s %s to %s", letter, f.listen, f.to)
}

// newForwarding reads a value in the form of ssh -G: the end that listens and the
// end to connect to.
func newForwarding(keyword, value string, gateway bool) forwarding {
	listen, to, _ := strings.Cut(value, " ")
	f := forwarding{remote: keyword == "RemoteForward", listen: newAddress(listen), to: newAddress(to)}
	if f.listen.network == "tcp" {
		host, port, _ := net.SplitHostPort(f.listen.address) // newAddress has joined them
		f.listen.address = net.JoinHostPort(listenHost(host, !strings.HasPrefix(listen, "["), gateway && !f.remote), port)
	}
	if strings.HasPrefix(to, "[socks]:") || keyword == "DynamicForward" {
		f.to = address{}
	}
	return f
}

// listenHost returns the host to listen on. An empty host means all addresses.
func listenHost(host string, missing, gateway bool) string {
	switch {
	case missing && !gateway:
		return "localhost"
	case host == "*":
		return ""
	}
	return host
}

// newAddress reads [host]:port, port, or the path of a socket.
func newAddress(s string) address {
	switch {
	case strings.Contains(s, "/"):
		return address{"unix", s}
	case strings.HasPrefix(s, "["):
		host, port, _ := strings.Cut(s[1:], "]:")
		return address{"tcp", net.JoinHostPort(host, port)}
	}
	return address{"tcp", net.JoinHostPort("", s)}
}

// stdioAddress reads the value of -W: host:port, or the path of a socket.
func stdioAddress(value string) (address, error) {
	if strings.Contains(value, "/") {
		return address{"unix", value}, nil
	}
	host, port, err := net.SplitHostPort(value)
	if number, perr := net.LookupPort("tcp", port); cmp.Or(err, perr) != nil || host == "" || number < 1 {
		return address{}, fmt.Errorf("remote: option -W: use host:port")
	}
	return address{"tcp", net.JoinHostPort(host, port)}, nil
}
