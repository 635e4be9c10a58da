package sftp

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

const (
	// channelsPerConnection is how many channels of a connection a session
	// uses: OpenSSH's server grants ten.
	channelsPerConnection = 8

	// channelLinger is how long an unused channel is kept for the next transfer.
	channelLinger = 15 * time.Second
)

// furtherChannels are the channels of a session besides its own, on its own
// connection and on further ones.
type furtherChannels struct {
	// openChannel opens a channel on the session's own connection. Nil means
	// that there can be none.
	openChannel func() deferred.Deferred[*filetransfer.FileTransferClient]

	// openConnection makes a further connection. Nil means that there can be
	// none. maxConnections counts the own connection.
	openConnection func() deferred.Deferred[*connection]
	maxConnections int

	own        connection
	more       []*connection // further connections
	connecting []deferred.Deferred[*connection]
	refused    bool // a further connection was refused: no more are made
	waiting    []deferred.Deferred[struct{}]
	idle       []*channel

	held     []*sftpChannel // on the own connection: open, without a program
	stopHold func() bool    // stops the timer of held
}

// connection is an SSH connection with channels of a session.
type connection struct {
	open     func() deferred.Deferred[*filetransfer.FileTransferClient]
	close    func()
	channels int  // further channels, open or being opened
	tried    bool // a further channel was asked for,
	answered bool // and has worked, or was refused
	full     bool // the server has refused to open another,
	most     int  // and has granted so many
}

// channel is a channel of a transfer.
type channel struct {
	client *filetransfer.FileTransferClient
	on     *connection
	load   int64 // bytes of the files on it, for a transfer of many
	stop   func() bool
}

// takeChannel returns an idle channel or opens one. It returns nil if there can be
// none, and once wanted returns false. While there may be further connections,
// each gets fair channels.
func (s *Client) takeChannel(co *deferred.Coro, fair int, wanted func() bool) *channel {
	for wanted() {
		if ch := s.takeIdle(); ch != nil {
			return ch
		}
		on := s.roomiest(fair)
		if on == nil && s.awaitConnection(co) {
			continue
		}
		if on == nil {
			on = s.roomiest(s.perConnection())
		}
		if on == nil {
			return nil
		}
		if ch := s.openOn(co, on); ch != nil {
			return ch
		}
	}
	return nil
}

func (s *Client) takeIdle() *channel {
	for len(s.idle) > 0 {
		ch := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		ch.stop()
		if ch.client.Lost() == nil {
			return ch
		}
		s.drop(ch.on)
	}
	return nil
}

// perConnection returns how many channels of a connection the session may use.
func (s *Client) perConnection() int { return cmp.Or(s.maxChannels, channelsPerConnection) }

// roomiest returns the connection with the fewest channels. It returns nil if all
// have limit channels, or the servers grant no more.
func (s *Client) roomiest(limit int) (best *connection) {
	fewest := limit
	consider := func(c *connection, n int) {
		if n < fewest && !(c.full && c.channels >= c.most) {
			best, fewest = c, n
		}
	}
	consider(&s.own, 1+s.own.channels)
	for _, c := range s.more {
		consider(c, c.channels)
	}
	return best
}

// openOn opens a channel on a connection, and returns nil if the server refuses.
func (s *Client) openOn(co *deferred.Coro, on *connection) *channel {
	open := on.open
	if on == &s.own {
		open = s.openChannel
	}
	on.channels++
	on.tried = true
	c, err := deferred.Await(co, open())
	if err == nil {
		c.GotServerVersion = func(uint32, map[string]string) { on.answered = true }
		return &channel{client: c, on: on}
	}
	if !errors.Is(err, conch.ErrConnectionLost) && !isCancelled(err) {
		on.answered = true
		on.full, on.most = true, on.channels-1
		if on != &s.own && on.most == 0 {
			s.refused = true
		}
	}
	s.drop(on)
	return nil
}

// drop notes that a channel of a connection is gone. A further connection without
// channels is closed.
func (s *Client) drop(on *connection) {
	if on.channels--; on.channels == 0 && on != &s.own {
		s.closeConnection(on)
	}
}

func (s *Client) closeConnection(c *connection) {
	s.more = slices.DeleteFunc(s.more, func(other *connection) bool { return other == c })
	c.close()
}

// giveChannel takes a channel back. It is closed if nobody takes it for
// channelLinger.
func (s *Client) giveChannel(ch *channel) {
	ch.load = 0
	if ch.client.Lost() != nil {
		s.drop(ch.on)
		return
	}
	if s.closing {
		ch.client.Transport().LoseConnection()
		s.drop(ch.on)
		return
	}
	s.idle = append(s.idle, ch)
	ch.stop = s.loop.AfterFunc(channelLinger, func() {
		if i := slices.Index(s.idle, ch); i >= 0 {
			s.idle = slices.Delete(s.idle, i, i+1)
			ch.client.Transport().LoseConnection()
			s.drop(ch.on)
		}
	})
}

// closeChannels closes the idle channels.
func (s *Client) closeChannels() {
	for _, ch := range s.idle {
		ch.stop()
		ch.client.Transport().LoseConnection()
		s.drop(ch.on)
	}
	s.idle = nil
}

// closeFurther ends the further connections with the session, and the attempts to
// make some.
func (s *Client) closeFurther() {
	s.refused = true
	if s.stopHold != nil {
		s.stopHold()
	}
	s.closeHeld()
	s.closeChannels()
	for _, c := range slices.Clone(s.more) {
		s.closeConnection(c)
	}
	for _, d := range slices.Clone(s.connecting) {
		d.Cancel()
	}
}

// awaitConnection waits for a further connection, and makes one if those that are
// being made have no room for everybody who waits. It returns false if there can
// be none.
func (s *Client) awaitConnection(co *deferred.Coro) bool {
	s.waiting = append(s.waiting, deferred.New[struct{}]())
	mine := s.waiting[len(s.waiting)-1]
	for len(s.waiting) > len(s.connecting)*channelsPerConnection && s.mayConnect() {
		s.startConnection()
	}
	if len(s.connecting) == 0 && !mine.Called() {
		s.waiting = slices.DeleteFunc(s.waiting, func(d deferred.Deferred[struct{}]) bool { return d == mine })
		return false
	}
	_, err := deferred.Await(co, mine)
	return err == nil
}

func (s *Client) mayConnect() bool {
	return s.openConnection != nil && !s.refused && 1+len(s.more)+len(s.connecting) < s.maxConnections
}

// startConnection makes a further connection, and wakes everybody who waits when
// that has succeeded or failed.
func (s *Client) startConnection() {
	d := s.openConnection()
	s.connecting = append(s.connecting, d)
	d.OnResult(func(c *connection, err error) {
		s.connecting = slices.DeleteFunc(s.connecting, func(other deferred.Deferred[*connection]) bool { return other == d })
		switch {
		case err != nil:
			s.refused = true
		case s.refused && s.closing:
			c.close()
		default:
			s.more = append(s.more, c)
		}
		waiting := s.waiting
		s.waiting = nil
		for _, w := range waiting {
			_ = w.TryCallback(struct{}{}) // a job may have cancelled it
		}
		if c != nil && c.channels == 0 {
			s.closeConnection(c) // the transfer is over
		}
	})
}

// connect makes a further connection to the server of the session.
func (s *Client) connect(to *client.Target) deferred.Deferred[*connection] {
	conn := &bareConnection{}
	return deferred.Then(to.Connect(s.r, conn), func(struct{}) (*connection, error) {
		return &connection{
			open:  func() deferred.Deferred[*filetransfer.FileTransferClient] { return s.openFurtherChannel(conn) },
			close: conn.LoseConnection,
		}, nil
	})
}

// openFurtherChannel opens a channel for transfers, or starts the program on one
// that is held. It does not wait for the reply to the subsystem request, because
// the subsystem exists.
func (s *Client) openFurtherChannel(conn conch.Connection) deferred.Deferred[*filetransfer.FileTransferClient] {
	if n := len(s.held); n > 0 && conn == s.conn {
		c := s.held[n-1]
		s.held = s.held[:n-1]
		if c.held = false; c.phase == PhaseSubsystem {
			c.start()
		}
		return c.ready
	}
	c := s.newFurtherChannel()
	conn.OpenChannel(c)
	return c.ready
}

func (s *Client) newFurtherChannel() *sftpChannel {
	c := newSFTPChannel(s.session.subsystem)
	c.like = s.FileTransferClient
	return c
}
