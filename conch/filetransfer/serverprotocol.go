package filetransfer

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/internal/hook"
	"github.com/hawser-go/hawser/conch/internal/wire"
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

// canTake reports whether another request may begin.
func (s *FileTransferServer) canTake() bool {
	memory := int64(s.held+len(s.out)+s.queued) + s.unsent.Load()
	return s.inFlight < s.MaxRequests && memory < int64(s.MaxMemory)
}

// process handles the requests that have been received, while it may. It pauses
// the transport if it has to stop.
func (s *FileTransferServer) process() {
	if s.processing {
		return
	}
	s.processing = true
	for !s.over() {
		if s.canTake() {
			if !s.receivePacket() {
				break
			}
			continue
		}
		s.blocked.Store(true)
		if !s.canTake() {
			break
		}
		s.blocked.Store(false)
	}
	s.processing = false
	s.throttle()
	s.flushSoon()
	s.finish()
}

// throttle pauses the transport while requests cannot begin.
func (s *FileTransferServer) throttle() {
	if full := !s.canTake(); full != s.paused && !s.over() && !s.eof {
		s.paused = full
		if full {
			s.Transport().PauseProducing()
		} else {
			s.Transport().ResumeProducing()
		}
	}
}

// resume continues a process that had to stop.
func (s *FileTransferServer) resume() {
	if s.paused || s.eof {
		s.process()
	}
}

// receivePacket handles the next packet. The result is false if there is none.
func (s *FileTransferServer) receivePacket() bool {
	packet, _, err := s.in.next()
	if err != nil {
		s.breakOff(err)
		return false
	}
	if packet == nil {
		if s.current != nil {
			s.release(s.current)
			s.current = nil
		}
		return false
	}
	c := &call{s: s, typ: PacketType(packet[0]), cost: len(packet)}
	if s.in.copied {
		c.packet = packet
	} else {
		c.chunk = s.current
		c.chunk.refs++
	}
	if err := s.request(c, packet[1:]); err != nil {
		s.breakOff(err)
	}
	return true
}

// release drops a reference to a chunk.
func (s *FileTransferServer) release(k *chunk) {
	if k.refs--; k.refs == 0 && k.p != nil && s.recycle != nil && s.Connected() {
		s.recycle(k.p)
	}
}

// request begins the call for a packet without its type. The result is an error
// that the client cannot be told with a status.
func (s *FileTransferServer) request(c *call, body []byte) error {
	d := wire.NewDecoder(body)
	if c.typ == fxpInit {
		return s.initReceived(c, &d)
	}
	if c.id = d.Uint32(); d.Err() != nil {
		return fmt.Errorf("%w: %s", errNoRequestID, c.typ)
	}
	if !s.greeted {
		return fmt.Errorf("%w: %s", errNoInit, c.typ)
	}
	s.inFlight++
	s.held += c.cost
	c.dispatch(&d)
	return nil
}

// initReceived answers SSH_FXP_INIT, whatever its version.
func (s *FileTransferServer) initReceived(c *call, d *wire.Decoder) error {
	defer c.drop()
	version := d.Uint32()
	if d.Err() != nil {
		return d.Err()
	}
	if !s.greeted {
		s.greeted = true
		var extensions []Extension
		for d.Len() > 0 {
			x := Extension{d.String(), d.String()}
			if d.Err() == nil { // malformed extensions are ignored, as OpenSSH ignores all
				extensions = append(extensions, x)
			}
		}
		err := hook.Call(func() { s.announces = s.announced(s.server.GotVersion(min(version, protocolVersion), extensions)) })
		if err != nil {
			hook.Log(s.log(), "GotVersion", err)
			return err
		}
	}
	e := s.begin(fxpVersion)
	e.Uint32(protocolVersion)
	for _, x := range s.announces {
		e.String(x.Name)
		e.String(x.Data)
	}
	s.end(e)
	return nil
}

// breakOff ends the session because of an error of the client.
func (s *FileTransferServer) breakOff(err error) {
	if s.over() {
		return
	}
	s.log().Warn("filetransfer: protocol error of the client", "err", err)
	s.drain()
	s.broken, s.status = true, brokenStatus
	s.in, s.current = reader{}, nil
	s.close()
}

// drain writes all replies to the transport, although it may be full.
func (s *FileTransferServer) drain() {
	s.flush()
	s.stopped = false
	s.writeQueue()
}

// close ends the transport.
func (s *FileTransferServer) close() {
	if s.writeOwn == nil {
		s.Transport().UnregisterProducer()
	}
	if s.paused {
		s.paused = false
		s.Transport().ResumeProducing() // for the end of the connection
	}
	if t, ok := s.Transport().(interface{ Exit(status uint32) }); ok && s.status != 0 {
		t.Exit(s.status)
	} else {
		s.Transport().LoseConnection()
	}
}

// finish ends the session if the client has ended it, when everything is
// answered: it closes the files, and then the transport.
func (s *FileTransferServer) finish() {
	lost := !s.Connected()
	if s.ended || !s.eof || s.broken && !lost || s.inFlight > 0 || !lost && len(s.in.in) > 0 || s.processing {
		return
	}
	if !s.ending {
		s.ending = true
		s.closeHandles()
	}
	if s.open > 0 || s.ended {
		return
	}
	s.drain()
	s.ended = true
	if err := hook.Call(s.server.SessionEnded); err != nil {
		hook.Log(s.log(), "SessionEnded", err)
	}
	if !lost {
		s.close()
	}
}
