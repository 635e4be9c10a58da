package conch

import (
	"cmp"
	"time"
)

// Limits bounds what a peer can make a connection hold, and for how long. A zero
// field has the default that its comment states.
type Limits struct {
	// Channels is the number of channels opened by the peer that are open at
	// the same time. The peer can fill the window of each while this side does
	// not read, and each then takes up to 3 MiB; hence the default of 20, which
	// keeps a connection below 64 MiB. Further channels are refused.
	Channels int

	// All is the number of channels that are open, or being opened, at the same
	// time, whichever side has opened them. Further channels of the peer are
	// refused, and further OpenChannels fail. The default is no limit.
	All int

	// Idle returns how long a channel of a type that either side has opened may
	// carry no data before it is closed; see SSHChannel.SetIdleTimeout. The
	// default is nil: no limit.
	Idle func(channelType string) time.Duration

	// Opening is the number of channels that the peer wants to open and that
	// GetChannel has not answered. The default is 128. Further channels are
	// refused.
	Opening int

	// Requests is the number of requests of the peer that have not been
	// answered, counted for each channel and for the global requests. The
	// default is 128. A peer that exceeds it loses the connection.
	Requests int

	// Replies is the number of answers of this side that the peer has not
	// taken. The default is 1024. A peer that exceeds it loses the connection.
	Replies int
}

func (l *Limits) channels() int { return cmp.Or(l.Channels, 20) }
func (l *Limits) opening() int  { return cmp.Or(l.Opening, 128) }
func (l *Limits) requests() int { return cmp.Or(l.Requests, 128) }
func (l *Limits) replies() int  { return cmp.Or(l.Replies, 1024) }

// full reports whether no further channel may be opened.
func (l *Limits) full(channels int) bool { return l.All > 0 && channels >= l.All }

// maxUnseen is the number of requests and channel openings that wait for the
// loop. Reading from the peer stops there.
const maxUnseen = 256
