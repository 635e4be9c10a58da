package filetransfer

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// Transport is the connection of a FileTransferClient. A conch.SSHChannel, or a
// type that embeds one, is a Transport. The client also uses these methods if
// the transport has them:
//
//   - AbortConnection() closes the connection without sending queued data. The
//     client calls it instead of LoseConnection after a protocol error.
//   - WriteOwned(p []byte, sent func()) queues p like Write, but does not copy
//     p. It calls sent, which may be nil, once, on any goroutine, when it no
//     longer needs p. The client uses it for large requests.
//   - Recycle(p []byte) receives a slice that was passed to DataReceived, when
//     nothing refers to it any more.
type Transport interface {
	// Write queues p and does not block. The transport may keep p: the client
	// neither changes nor reuses it. After the connection is lost, Write does
	// nothing.
	Write(p []byte)

	// LoseConnection closes the connection after queued data has been sent.
	LoseConnection()
}

// FileTransferClient is the client of an SFTP session. Its methods and fields
// belong to one goroutine. Fields are set before MakeConnection.
type FileTransferClient struct {
	// GotServerVersion, if set, is called once, inside DataReceived, when the
	// server has announced its version and extensions. It must not change the
	// map. Requests need not wait for it. See also WhenVersion.
	GotServerVersion func(version uint32, extensions map[string]string)

	// SSHVersion is the version line of the SSH server, such as
	// "SSH-2.0-OpenSSH_9.9", or "" if it is not known. The owner of the
	// transport sets it. The client uses it for LinkOrderAuto.
	SSHVersion string

	// LinkOrder is the order of the paths in the request of MakeLink.
	LinkOrder LinkOrder

	// MaxDirectorySize is the maximum memory for one ReadAll of a directory, in
	// bytes. 0 means 64 MiB, enough for about 300,000 entries.
	MaxDirectorySize int

	offered    []Extension // for SSH_FXP_INIT
	transport  Transport   // nil before MakeConnection
	lost       error       // a *ConnectionLostError after the connection is lost
	greeted    bool        // the server has announced its version
	version    uint32
	extensions map[string]string
	whenKnown  []deferred.Deferred[uint32] // the results of WhenVersion that wait

	in        reader
	decoder   wire.Decoder // for the current packet
	placed    bool         // the current packet is only a header; see reader.next
	receiving bool         // DataReceived is running
	waiting   [][]byte     // chunks received during a call of DataReceived
	kept      bool         // a callback has received a part of the current chunk
	recycle   func(p []byte)
	writeOwn  func(p []byte, sent func())

	sizes     sizes
	nextID    uint32
	pending   map[uint32]pendingRequest
	abandoned int // the number of cancelled requests in pending
}

// NewFileTransferClient returns a client without a connection. The client will
// announce the given extensions to the server. OpenSSH's server and pkg/sftp's
// ignore them.
func NewFileTransferClient(extensions ...Extension) *FileTransferClient {
	c := &FileTransferClient{offered: extensions, pending: make(map[uint32]pendingRequest), sizes: initialSizes}
	c.in = newReader(c.place)
	return c
}

// MakeConnection connects the client to the transport and sends SSH_FXP_INIT.
// Requests may follow at once. After ConnectionLost, MakeConnection does
// nothing. A second call panics.
func (c *FileTransferClient) MakeConnection(transport Transport) {
	if c.lost != nil {
		return
	}
	if c.transport != nil {
		panic("filetransfer: MakeConnection called twice; make a new client for a new connection")
	}
	c.transport = transport
	if t, ok := transport.(interface{ Recycle(p []byte) }); ok {
		c.recycle = t.Recycle
	}
	if t, ok := transport.(interface{ WriteOwned(p []byte, sent func()) }); ok {
		c.writeOwn = t.WriteOwned
	}
	transport.Write(newInit(c.offered))
}

// Transport returns the argument of MakeConnection, or nil before that call.
func (c *FileTransferClient) Transport() Transport { return c.transport }

// Lost returns the [*ConnectionLostError] of the requests that are made after
// the connection is lost, or nil while there is a connection.
func (c *FileTransferClient) Lost() error { return c.lost }

// DataReceived takes bytes from the server, in chunks of any size. It fires the
// Deferreds of the requests that they answer, in the order of the answers.
//
// DataReceived takes ownership of p, because file data in p is passed to
// callbacks. The caller must not use p again unless the transport's Recycle
// returns it. A call from inside a callback only queues p. Before
// MakeConnection and after the connection is lost, DataReceived does nothing.
func (c *FileTransferClient) DataReceived(p []byte) {
	if c.transport == nil || c.lost != nil {
		return
	}
	if c.receiving {
		c.waiting = append(c.waiting, p)
		return
	}
	c.receiving = true
	defer func() { c.receiving, c.decoder = false, wire.Decoder{} }()
	c.receiveChunk(p)
	for len(c.waiting) > 0 && c.lost == nil {
		p, c.waiting = c.waiting[0], c.waiting[1:]
		c.receiveChunk(p)
	}
	c.waiting = nil
}

func (c *FileTransferClient) receiveChunk(p []byte) {
	c.kept = len(c.in.in) > 0 // left by a callback that has panicked; p may be appended to it
	c.in.feed(p)
	for c.receivePacket() {
	}
	if !c.kept && c.recycle != nil {
		c.recycle(p)
	}
}

// receivePacket handles the next packet. The result is false if there is no
// complete packet, or after an error.
func (c *FileTransferClient) receivePacket() bool {
	packet, placed, err := c.in.next()
	if err != nil {
		c.breakOff(&ProtocolError{Err: err})
		return false
	}
	if packet == nil {
		return false
	}
	typ := PacketType(packet[0])
	c.decoder, c.placed = wire.NewDecoder(packet[1:]), placed
	var id uint32
	if typ == fxpVersion {
		err = c.versionReceived()
	} else if typ != fxpInit {
		id = c.decoder.Uint32()
		err = c.replyReceived(typ, id)
	}
	if err != nil {
		c.breakOff(&ProtocolError{Type: typ, ID: id, Err: err})
	}
	return err == nil
}

// replyReceived passes a packet to the request with its id. A request from the
// server is ignored, unless it has the id of a request in flight: then
// something sends our own requests back.
func (c *FileTransferClient) replyReceived(typ PacketType, id uint32) error {
	if err := c.decoder.Err(); err != nil {
		return malformed(err)
	}
	request, ok := c.pending[id]
	switch {
	case ok:
		c.kept = c.kept || (typ == fxpData || typ == fxpExtendedReply) && !c.placed && request.room() == nil
		return request.deliver(c, id, typ, &c.decoder)
	case typ.isRequest():
		return nil
	default:
		return ErrUnknownID
	}
}

// ConnectionLost tells the client that the connection has ended. The reason may
// be nil. All requests in flight fail with a ConnectionLostError that wraps the
// reason, the oldest first. Later requests fail at once. The owner of the
// transport must call ConnectionLost; a second call does nothing.
func (c *FileTransferClient) ConnectionLost(reason error) {
	if c.markLost(reason) {
		c.failPending()
	}
}

// breakOff closes the connection because of an error of the server.
func (c *FileTransferClient) breakOff(reason *ProtocolError) {
	if !c.markLost(reason) {
		return
	}
	if t, ok := c.transport.(interface{ AbortConnection() }); ok {
		t.AbortConnection()
	} else {
		c.transport.LoseConnection()
	}
	c.failPending()
}

// markLost records the loss of the connection and drops received data. The
// result is false if the connection was lost before.
func (c *FileTransferClient) markLost(reason error) bool {
	if c.lost != nil {
		return false
	}
	c.lost, c.in = &ConnectionLostError{Reason: reason}, reader{}
	c.waiting = nil
	return true
}

// failPending fails all requests in flight, the oldest first. If an errback
// cancels another request, that request stays in the table.
func (c *FileTransferClient) failPending() {
	oldestFirst := func(a, b uint32) int { return cmp.Compare(a-c.nextID, b-c.nextID) } // ids wrap around
	ids := slices.SortedFunc(maps.Keys(c.pending), oldestFirst)
	for _, id := range ids {
		request := c.pending[id]
		delete(c.pending, id)
		request.fail(c.lost)
	}
	c.fireWhenVersion()
}
