package sftp

import (
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// minHold is the round trip from which on channels are opened before a transfer
// is known to want them.
const minHold = 20 * time.Millisecond

// holdChannels opens n channels without a program, for a download whose size is
// not known yet. If the file is large, that saves a round trip. To the server
// they cost little. They are closed if nobody takes them for channelLinger.
func (s *Client) holdChannels(n int) {
	if s.session == nil || s.rtt < minHold || !s.bearsChannels() || s.own.channels > 0 || s.own.full || len(s.held) > 0 {
		return
	}
	for range n {
		c := s.newFurtherChannel()
		c.held = true
		c.ready.AddErrback(func(err error) (*filetransfer.FileTransferClient, error) {
			if i := slices.Index(s.held, c); i >= 0 { // nobody waits for it
				s.held, err = slices.Delete(s.held, i, i+1), nil
			}
			return nil, err
		})
		s.held = append(s.held, c)
		s.conn.OpenChannel(c)
	}
	s.stopHold = s.loop.AfterFunc(channelLinger, s.closeHeld)
}

func (s *Client) closeHeld() {
	for _, c := range slices.Clone(s.held) {
		c.ready.Cancel()
	}
}
