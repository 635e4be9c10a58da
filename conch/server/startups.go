package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
)

// MaxStartups limits the connections that have not logged in, as MaxStartups of
// sshd_config does: Start:Rate:Full. From Start on, a new connection is refused
// with a probability of Rate percent, which grows evenly and reaches 100 percent
// at Full. The zero value means 10:30:100, OpenSSH's default.
type MaxStartups struct{ Start, Rate, Full int }

// LimitStartups returns a MaxStartups that refuses each connection beyond n.
func LimitStartups(n int) MaxStartups { return MaxStartups{n, 100, n} }

func (m MaxStartups) orDefault() MaxStartups {
	if m == (MaxStartups{}) {
		return MaxStartups{10, 30, 100}
	}
	return m
}

func (m MaxStartups) check() error {
	if m = m.orDefault(); m.Start < 1 || m.Full < m.Start || m.Rate < 1 || m.Rate > 100 {
		return fmt.Errorf("server: MaxStartups %d:%d:%d is not valid; it needs 1 <= Start <= Full and a Rate from 1 to 100", m.Start, m.Rate, m.Full)
	}
	return nil
}

// startups counts the connections that have not logged in, in all and by source.
// Sources without such a connection are not in the table, so it cannot grow
// beyond MaxStartups.Full.
type startups struct {
	n       int
	sources map[netip.Prefix]int

	refusing bool // some were dropped, for the log
	lost     int  // dropped since then
}

// drops decides whether a new connection is dropped.
func (s *startups) drops(m MaxStartups, random func(n int) int) bool {
	switch {
	case s.n < m.Start:
		return false
	case s.n >= m.Full || m.Rate == 100:
		return true
	}
	chance := m.Rate + (100-m.Rate)*(s.n-m.Start)/(m.Full-m.Start)
	return random(100) < chance
}

// random returns a number below n.
func random(n int) int { return rand.IntN(n) }

// of returns the connections of a source.
func (s *startups) of(source netip.Prefix) int { return s.sources[source] }

func (s *startups) add(source netip.Prefix) {
	if s.sources == nil {
		s.sources = make(map[netip.Prefix]int)
	}
	s.n++
	s.sources[source]++
}

func (s *startups) remove(source netip.Prefix) {
	s.n--
	if s.sources[source]--; s.sources[source] == 0 {
		delete(s.sources, source)
	}
}

// dropped counts a dropped connection, and logs the first one.
func (s *startups) dropped(logger *slog.Logger) {
	if !s.refusing {
		s.refusing, s.lost = true, 0
		logger.Warn("server: connections are dropped, because too many have not logged in", "waiting", s.n)
	}
	s.lost++
}

// kept logs that the limit holds no more. It is called with a new connection
// before it is counted.
func (s *startups) kept(logger *slog.Logger, m MaxStartups) {
	if s.refusing && (s.n < m.Start-1 || s.n == 0) {
		s.refusing = false
		logger.Info("server: connections are no longer dropped", "dropped", s.lost)
	}
}

// plainAddr returns an address of TCP as a *net.TCPAddr. Connections over TLS and
// other transports of a reactor have another type.
func plainAddr(addr net.Addr) net.Addr {
	if addr == nil || !strings.HasPrefix(addr.Network(), "tcp") {
		return addr
	}
	if parsed, err := netip.ParseAddrPort(addr.String()); err == nil {
		return net.TCPAddrFromAddrPort(parsed)
	}
	return addr
}

// sourceOf returns the source of an address. All peers without an IP address are
// one source.
func (f *SSHFactory) sourceOf(addr net.Addr) (source netip.Prefix, isIP bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp == nil {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		return netip.Prefix{}, false
	}
	ip = ip.Unmap()
	bits := orBits(f.SourcePrefix6, 128)
	if ip.Is4() {
		bits = orBits(f.SourcePrefix4, 32)
	}
	source, err := ip.Prefix(bits)
	return source, err == nil
}

func orBits(bits, all int) int {
	if bits == 0 {
		return all
	}
	return bits
}

func (f *SSHFactory) checkPrefixes() error {
	if f.SourcePrefix4 < 0 || f.SourcePrefix4 > 32 || f.SourcePrefix6 < 0 || f.SourcePrefix6 > 128 {
		return errors.New("server: SourcePrefix4 must be between 0 and 32, SourcePrefix6 between 0 and 128")
	}
	return nil
}
