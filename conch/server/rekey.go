package server

import "time"

// Bounds on key exchanges: a client that begins more than maxExchanges within
// exchangeTime, with less than exchangeBytes sent and received meanwhile, loses
// the connection. Each costs the server a signature.
const (
	maxExchanges  = 10
	exchangeTime  = 10 * time.Second
	exchangeBytes = 1 << 20
)

// rekeyLimit counts key exchanges. Only one is in progress at a time, so it
// needs no lock.
type rekeyLimit struct {
	t    *SSHServerTransport
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
			err := tooMany("key exchanges")
			l.t.Reactor().CallFromThread(func() { l.t.AbortBecause(err) })
			return err
		}
		l.last = l.last[1:]
	}
	l.last = append(l.last, now)
	return nil
}
