package sftp

import (
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	// defaultMaxChannels is how many channels a session uses at most: OpenSSH's server grants ten to a connection.
	defaultMaxChannels = 8

	// defaultStripeFrom is the round trip from which on transfers are spread over several channels. At 4 ms one channel can carry 500 MB/s.
	defaultStripeFrom = 4 * time.Millisecond

	// channelLinger is how long a channel that a transfer has opened is kept for the next one.
	channelLinger = 15 * time.Second

	// window is how many bytes an SSH channel carries in one round trip: what golang.org/x/crypto/ssh and OpenSSH grant.
	window = 2 << 20
)

// loop is the part of a reactor that transfers use.
type loop interface {
	CallFromThread(f func()) bool
	CallInThread(f func()) error
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	Now() time.Time
}

// Client is an SFTP session. Its methods belong to the reactor's goroutine; see
// [Client.Files] for the same from other goroutines.
type Client struct {
	*filetransfer.FileTransferClient // single operations

	r       *reactor.Reactor
	loop    loop             // r; a test may use another
	session *sftpChannel     // nil if New made the client
	conn    conch.Connection // the same
	owns    bool             // Open made the connection

	// openChannel opens a further channel with an SFTP session to the same
	// server. It is nil if there can be none.
	openChannel func() deferred.Deferred[*filetransfer.FileTransferClient]
	maxChannels int           // 0 means defaultMaxChannels
	stripeFrom  time.Duration // 0 means defaultStripeFrom
	rtt         time.Duration // the shortest round trip seen, 0 for none
	idle        []*channel
	channels    int  // open or being opened, the client's own not counted
	full        bool // the server has refused to open another,
	most        int  // and has granted so many
	disk        func(disk) disk
	handles     handles
	plainOpens  bool // the server refuses permissions in OPEN

	progressEvery time.Duration // 0 means progressEvery; for tests

	// run runs a command on the connection, and fires with what it writes to
	// stdout. It is nil if there is no connection for it.
	run  func(command string) deferred.Deferred[[]byte]
	pool *pool
}

// New returns a session over a client, which r's goroutine owns. It is for
// clients that do not run over SSH; Open and OpenOn return sessions that do.
func New(c *filetransfer.FileTransferClient, r *reactor.Reactor) *Client {
	return &Client{FileTransferClient: c, r: r, loop: r, pool: defaultPool}
}
