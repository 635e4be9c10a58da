package server

import "time"

// Bounds on key exchanges: a client that makes more than maxExchanges within
// exchangeTime, with less than exchangeBytes sent and received meanwhile, loses
// the connection. Each costs the server a signature. Proofs of host keys are
// counted in the same way. A client can begin one exchange only, so an exchange
// that the client does not complete is counted once; KeepAlive ends it.
const (
	maxExchanges  = 10
	exchangeTime  = 10 * time.Second
	exchangeBytes = 1 << 20
)

// rekeyLimit counts key exchanges, or proofs of host keys. Only one is in
// progress at a time, so it needs no lock.
type rekeyLimit struct {
	t    *SSHServerTransport
	what string     // is counted
	last []exchange // the latest, at most maxExchanges
}

type exchange struct {
	at    time.Time
	bytes int64 // of the connection until then
}

// exchange counts a key exchange. It fails if there are too many.
func (l *rekeyLimit) exchange() error {
	now := exchange{l.t.Reactor().Now(), l.t.meter.Load().total()}
	if len(l.last) == maxExchanges {
		first := l.last[0]
		if now.at.Sub(first.at) < exchangeTime && now.bytes-first.bytes < exchangeBytes {
			err := tooMany(l.what)
			l.t.Reactor().CallFromThread(func() { l.t.AbortBecause(err) })
			return err
		}
		l.last = l.last[1:]
	}
	l.last = append(l.last, now)
	return nil
}
