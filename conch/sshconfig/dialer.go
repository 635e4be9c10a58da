package sshconfig

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// dialer connects without a proxy as AddressFamily, BindAddress, TCPKeepAlive
// and ConnectionAttempts say.
type dialer struct {
	net.Dialer
	network  string
	attempts int
}

// attemptPause is the time between two attempts.
const attemptPause = time.Second

// dialer returns nil if the client's own dial function does the same.
func (s *settings) dialer() (*dialer, error) {
	d := &dialer{network: "tcp", attempts: s.number("connectionattempts")}
	switch s.first("addressfamily") {
	case "inet":
		d.network = "tcp4"
	case "inet6":
		d.network = "tcp6"
	}
	if s.first("tcpkeepalive") == "no" {
		d.KeepAlive = -1
	}
	if bind := s.first("bindaddress"); bind != "" {
		addr, err := netip.ParseAddr(bind)
		if err != nil {
			return nil, s.errorf("bindaddress", "%q is not an IP address; names are not supported", bind)
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))
	}
	if d.network == "tcp" && d.KeepAlive == 0 && d.LocalAddr == nil && d.attempts == 1 {
		return nil, nil
	}
	return d, nil
}

// dial connects. After a failure, dial waits for a second and tries again,
// until there are no attempts left or ctx is done.
func (d *dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	for n := 1; ; n++ {
		c, err := d.DialContext(ctx, d.network, address)
		if err == nil || n >= d.attempts {
			return c, err
		}
		pause := time.NewTimer(attemptPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil, err
		case <-pause.C:
		}
	}
}
