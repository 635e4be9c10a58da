package server

import (
	"time"

	"github.com/hawser-go/hawser/conch/internal/wildcard"
)

// ChannelTimeout closes channels that have carried no data in either direction
// for a time, as ChannelTimeout of sshd_config does. The channel is closed, and
// the connection goes on.
type ChannelTimeout struct {
	// Type is the type of the channels, such as "direct-tcpip",
	// "forwarded-tcpip" and "session". A session in which something runs has the
	// type "session:shell", "session:command" or "session:subsystem:NAME".
	// The wildcards * and ? are allowed.
	//
	// The type "global" is about the channels of a connection together: if none
	// of them has carried data, all are closed.
	Type string

	After time.Duration // 0 or less means never
}

// global is the Type for the channels of a connection together.
const global = "global"

// channelTimeout returns the timeout of a type of channels. 0 means none.
func (f *SSHFactory) channelTimeout(channelType string) time.Duration {
	for _, t := range f.ChannelTimeouts {
		if (t.Type == global) == (channelType == global) && wildcard.Match(channelType, t.Type) {
			return max(t.After, 0)
		}
	}
	return 0
}

// timed applies the timeout of a session in which something runs.
func (s *SSHSession) timed(kind, name string) {
	t, ok := s.Conn().Transport().Self().(*SSHServerTransport)
	if !ok || len(t.factory.ChannelTimeouts) == 0 {
		return
	}
	s.SetIdleTimeout(t.factory.channelTimeout(map[string]string{
		"shell": "session:shell", "exec": "session:command", "subsystem": "session:subsystem:" + name,
	}[kind]))
}
