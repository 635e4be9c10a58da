package filetransfer

import (
	"cmp"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/hawser-go/hawser/reactor"
)

// The defaults of a FileTransferServer.
const (
	DefaultMaxHandles  = 1000
	DefaultMaxRequests = 128
	DefaultMaxMemory   = 4 << 20 // bytes
)

const (
	// maxServerPacket is the maximum length of a packet that a server accepts,
	// in bytes, without the length itself. It is that of OpenSSH.
	maxServerPacket = 256 << 10

	// maxServerData is the maximum number of bytes of file data in one reply.
	maxServerData = MaxChunk

	// minMemory is the least MaxMemory, in bytes: it leaves room for replies that
	// are not written yet.
	minMemory = 512 << 10

	// brokenStatus is the exit status after a protocol error.
	brokenStatus = 255

	// flushSize is the number of bytes of small replies that are written
	// together.
	flushSize = 32 << 10
)

// errNoInit reports that a client sent a request before SSH_FXP_INIT.
var errNoInit = errors.New("filetransfer: a request before SSH_FXP_INIT")

var errNoRequestID = errors.New("filetransfer: packet too short for a request id")

// Loop runs functions on the goroutine of a [FileTransferServer]. A
// *reactor.Reactor is a Loop.
type Loop interface {
	CallFromThread(f func()) bool
}

// FileTransferServer is the protocol of the server's side of an SFTP session. It
// decodes requests and passes them to an [SFTPServer]. It is Twisted's
// FileTransferServer. Set the fields before ConnectionMade. All methods belong to
// the loop.
//
// When the client ends its input, the server answers the requests that it has
// received, closes all files, and then calls LoseConnection of the transport.
// After a violation of the protocol it does that at once; if the transport has a
// method Exit(status uint32), it calls Exit instead, with ExitStatus. Files that
// are open when the connection is lost are closed.
//
// # Bounds
//
// A packet has at most 256 KiB. At most MaxRequests requests are in progress. The
// requests in progress, their replies, and the replies that the transport has
// not sent need at most MaxMemory bytes, except that a last request may exceed
// that by 512 KiB and replies to READDIR by 64 KiB for each request in progress.
// When a bound is reached, the server pauses the transport.
//
// # Order
//
// Requests for one handle are carried out and answered in their order. Other
// requests do not wait for each other, unless InOrder is set.
type FileTransferServer struct {
	reactor.BaseProtocol

	// ReadOnly refuses every request that changes something, with
	// FXPermissionDenied, before anything else is looked at.
	ReadOnly bool

	// Deny has the names of requests to refuse with FXPermissionDenied. If
	// Allow is not empty, all other requests are refused too. The names are
	// those of OpenSSH's sftp-server -Q requests, such as "remove" or
	// "posix-rename", or the full name of another extended request.
	Allow, Deny []string

	// InOrder makes each request wait until the one before it is answered.
	InOrder bool

	MaxHandles  int          // open files and directories; 0 means DefaultMaxHandles, at most a quarter of Handles
	MaxRequests int          // requests in progress; 0 means DefaultMaxRequests
	MaxMemory   int          // bytes, at least 512 KiB; 0 means DefaultMaxMemory
	Handles     *HandleLimit // shared with other servers; nil means a quarter of the file descriptors of the process, together with all others
	Logger      *slog.Logger // nil means slog.Default()

	// LogOperations logs the session and what the client does with files, at
	// level Info: a record for each request that opens, closes, changes or
	// removes something, when it is answered. The record of a close has the
	// first failure of a read or write. Names with unusual characters are
	// quoted.
	LogOperations bool

	loop   Loop
	server SFTPServer

	in         reader
	current    *chunk // the chunk that is being parsed, or nil
	greeted    bool   // SSH_FXP_INIT was received
	announces  []Extension
	processing bool // process is running

	first, last *call // the calls that wait for a Deferred, oldest first
	inFlight    int   // calls that are not answered
	held        int   // bytes of memory of calls that are not answered
	nextHandle  uint32
	handles     map[uint32]*openHandle
	open        int // handles that are not closed, also those that are closing

	out      []byte       // small replies that are not written to the transport yet
	queue    [][]byte     // buffers that wait until stopped is false
	queued   int          // bytes in queue
	flushing bool         // flush was posted
	unsent   atomic.Int64 // bytes that the transport has not sent
	blocked  atomic.Bool  // process waits for unsent to shrink
	paused   bool         // the transport is paused
	stopped  bool         // the transport has asked to write no more for now
	writeOwn func(p []byte, sent func())
	recycle  func(p []byte)

	eof    bool // the client sends no more
	broken bool // the client has violated the protocol
	ending bool // handles are being closed
	ended  bool // SessionEnded was called
	status uint32
}

// NewFileTransferServer returns the protocol of a session that server answers.
// Each session needs a server of its own. loop is the reactor of the transport.
func NewFileTransferServer(loop Loop, server SFTPServer) *FileTransferServer {
	return &FileTransferServer{loop: loop, server: server, handles: make(map[uint32]*openHandle)}
}

// Server returns the argument of NewFileTransferServer.
func (s *FileTransferServer) Server() SFTPServer { return s.server }

// ExitStatus returns the exit status of the session, like that of OpenSSH's
// sftp-server: 0, or 255 after a violation of the protocol. It is valid from
// the call of the transport's LoseConnection or Exit on.
func (s *FileTransferServer) ExitStatus() uint32 { return s.status }

// ConnectionMade prepares for requests.
func (s *FileTransferServer) ConnectionMade() {
	s.MaxRequests = cmp.Or(s.MaxRequests, DefaultMaxRequests)
	s.MaxMemory = max(minMemory, cmp.Or(s.MaxMemory, DefaultMaxMemory))
	if s.Handles == nil {
		s.Handles = processHandles()
	}
	if s.MaxHandles == 0 {
		s.MaxHandles = min(DefaultMaxHandles, max(1, s.Handles.Max()/4))
	}
	if s.InOrder {
		s.MaxRequests = 1
	}
	s.in = reader{limit: maxServerPacket, allocate: newBuffer}
	s.logSession("begins")
	transport := s.Transport()
	if t, ok := transport.(interface{ Recycle(p []byte) }); ok {
		s.recycle = t.Recycle
	}
	if t, ok := transport.(interface{ WriteOwned(p []byte, sent func()) }); ok {
		s.writeOwn = t.WriteOwned
	} else if err := transport.RegisterProducer(outlet{s}, true); err != nil {
		s.log().Error("filetransfer: the replies of the server are not bounded", "err", err)
	}
}

// outlet is the producer of the replies.
type outlet struct{ s *FileTransferServer }

func (o outlet) PauseProducing() { o.s.stopped = true }

func (o outlet) ResumeProducing() {
	if o.s.stopped {
		o.s.stopped = false
		o.s.writeQueue()
		o.s.process()
		o.s.flushSoon()
	}
}

func (o outlet) StopProducing() {}

func (s *FileTransferServer) log() *slog.Logger { return cmp.Or(s.Logger, slog.Default()) }

// DataReceived takes bytes from the client, in chunks of any size. It owns p.
func (s *FileTransferServer) DataReceived(p []byte) {
	if s.over() || s.eof {
		return
	}
	rest := len(s.in.in) > 0 // then feed copies
	s.in.feed(p)
	if s.current != nil {
		s.release(s.current)
	}
	s.current = &chunk{p: p, refs: 1}
	if rest {
		s.current.p = nil
	}
	s.process()
	s.flush()
}

// ReadConnectionLost ends the session when everything is answered.
func (s *FileTransferServer) ReadConnectionLost() {
	s.eof = true
	s.process()
	s.flush()
}

// WriteConnectionLost does nothing.
func (s *FileTransferServer) WriteConnectionLost() {}

// ConnectionLost cancels the requests in progress, and closes all files.
func (s *FileTransferServer) ConnectionLost(error) {
	s.in, s.current, s.out, s.queue = reader{}, nil, nil, nil
	s.eof, s.paused = true, false
	for c := s.first; c != nil; c = s.first {
		c.unlink()
		c.cancel()
	}
	s.finish()
}

// over reports whether requests and replies are dropped.
func (s *FileTransferServer) over() bool { return s.broken || s.ended || !s.Connected() }
