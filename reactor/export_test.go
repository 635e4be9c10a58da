package reactor

import "sync/atomic"

// Notice returns a value that changes when blocked goroutines must look whether
// they are on the loop.
func (r *Reactor) Notice() any { return r.stall.notice.Load() }

// ListenUDPFailing is ListenUDP on a port whose reads first fail with errs.
func (r *Reactor) ListenUDPFailing(p DatagramProtocol, errs ...error) (DatagramTransport, error) {
	return r.listenUDPWith(p, func(s datagramSource) datagramSource { return &failingSource{s, errs} })
}

func (r *Reactor) listenUDPWith(p DatagramProtocol, wrap func(datagramSource) datagramSource) (DatagramTransport, error) {
	conn, err := listenUDP("udp4", "127.0.0.1", 0, false)
	if err != nil {
		return nil, err
	}
	u := newUDPPort(r, p, p.datagramBase(), conn, DefaultMaxPacketSize)
	u.in.source = wrap(u.in.source)
	return u, u.start()
}

type failingSource struct {
	datagramSource
	errs []error
}

func (s *failingSource) read(into []datagram) (batch, error) {
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return batch{}, err
	}
	return s.datagramSource.read(into)
}

// ListenUDPEndless is ListenUDP on a port that always has datagrams. It returns
// the number of those that were read.
func (r *Reactor) ListenUDPEndless(p DatagramProtocol) (DatagramTransport, *atomic.Int64, error) {
	s := new(endlessSource)
	t, err := r.listenUDPWith(p, func(datagramSource) datagramSource { return s })
	return t, &s.reads, err
}

type endlessSource struct{ reads atomic.Int64 }

func (s *endlessSource) read(into []datagram) (batch, error) {
	n := min(len(into), 5)
	clear(into[:n])
	s.reads.Add(int64(n))
	return batch{n: n, more: true}, nil
}

// DatagramsAhead is the largest number of datagrams that a port reads ahead of
// the loop.
const DatagramsAhead = datagramsAhead
