package filetransfer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// Transport is what a FileTransferClient needs of the connection that carries it. Of these further methods the client uses those that there are;
// a conch.SSHChannel, and what embeds one, has them all:
//
//   - AbortConnection() closes without sending what is still queued. It is used instead of LoseConnection after a protocol error.
//   - WriteOwned(p []byte, sent func()) is Write for large requests. It does not copy p, and calls sent, which may be nil, once, on any
//     goroutine, when it needs p no longer.
//   - Recycle(p []byte) gives back what DataReceived was given, as soon as nobody refers to it.
type Transport interface {
	// Write queues p to be sent and does not block. p then belongs to the transport: the client neither changes nor reuses it, so that
	// there is no need to copy it. After the connection is lost, Write does nothing.
	Write(p []byte)

	// LoseConnection closes the connection once what was written has been sent.
	LoseConnection()
}

// FileTransferClient is the client's side of one SFTP session. All its methods belong to the goroutine that owns it, the reactor's.
type FileTransferClient struct {
	// GotServerVersion, if set, is called once, when the server has said which version it speaks and which extensions it has, from inside
	// DataReceived (C-SFTP-5). Requests need not wait for it. The map is the client's own; it may be kept but not changed.
	GotServerVersion func(version uint32, extensions map[string]string)

	// DraftLinkOrder makes MakeLink send the new link's path first and its target second, as the draft has it and Twisted's server reads
	// it. The default is the order of OpenSSH and of all that follow it, which is the reverse (C-SFTP-27).
	DraftLinkOrder bool

	// MaxDirectorySize is the maximum memory for one ReadAll of a directory, in
	// bytes. 0 means 64 MiB, enough for about 300,000 entries.
	MaxDirectorySize int

	offered    []Extension // ours, for SSH_FXP_INIT
	transport  Transport   // nil before MakeConnection
	lost       error       // a *ConnectionLostError once the connection is gone
	greeted    bool        // SSH_FXP_VERSION has come
	version    uint32
	extensions map[string]string

	in        reader
	decoder   wire.Decoder // over the packet at hand
	placed    bool         // the packet is only a header: see reader.next
	receiving bool         // inside DataReceived
	waiting   [][]byte     // chunks that came meanwhile
	kept      bool         // a callback was given a part of the chunk at hand
	recycle   func(p []byte)
	writeOwn  func(p []byte, sent func())

	sizes     sizes
	nextID    uint32
	pending   map[uint32]pendingRequest
	abandoned int // how many of pending are cancelled
}

// NewFileTransferClient returns a client that is not connected yet. It will announce the given extensions to the server; OpenSSH and
// pkg/sftp look at none.
func NewFileTransferClient(extensions ...Extension) *FileTransferClient {
	c := &FileTransferClient{offered: extensions, pending: make(map[uint32]pendingRequest), sizes: initialSizes}
	c.in = newReader(c.place)
	return c
}

// MakeConnection takes the transport and sends SSH_FXP_INIT (C-SFTP-1, C-SFTP-2); requests may follow at once. On a client whose
// ConnectionLost has been called already it does nothing. A second call is a mistake and panics.
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

// Transport returns what MakeConnection was given, nil before.
func (c *FileTransferClient) Transport() Transport { return c.transport }

// Version returns the protocol version the server announced, 3 as a rule; it is not checked. It is 0 until the server has done so.
func (c *FileTransferClient) Version() uint32 { return c.version }

// Extensions returns the extensions the server announced, name to data; not to be changed. It is nil until the server has done so.
func (c *FileTransferClient) Extensions() map[string]string { return c.extensions }

// HasExtension reports whether the server has announced the extension of that name.
func (c *FileTransferClient) HasExtension(name string) bool {
	_, ok := c.extensions[name]
	return ok
}

// Lost returns the [*ConnectionLostError] that requests fail with once the connection is gone, and nil while it lives.
func (c *FileTransferClient) Lost() error { return c.lost }

// DataReceived takes bytes from the server, cut in any way (C-SFTP-3), and fires the Deferreds of the requests they answer, in the order of
// the answers. It takes ownership of p: file data is handed to the callbacks in place, so the caller must not use p again, unless the
// transport's Recycle gives it back. Called from inside one of those callbacks it only queues p, behind what is being worked on. Before
// MakeConnection and after the connection is lost it does nothing.
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
	c.kept = len(c.in.in) > 0 // what a panic in a callback has left may be a chunk's
	c.in.feed(p)
	for c.receivePacket() {
	}
	if !c.kept && c.recycle != nil {
		c.recycle(p)
	}
}

// receivePacket handles the next packet, if it is there whole, and reports whether it was.
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

// replyReceived gives a packet that has an id to the request that waits for it. Requests that come from the server are ignored (C-SFTP-8),
// unless they pose as an answer, as they do when something echoes what we send.
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

// versionReceived reads SSH_FXP_VERSION (draft section 4, C-SFTP-5).
func (c *FileTransferClient) versionReceived() error {
	if c.greeted {
		return fmt.Errorf("%w: a second one", ErrUnexpectedReply)
	}
	d := &c.decoder
	version, extensions := d.Uint32(), make(map[string]string)
	for d.Len() > 0 {
		name := d.String()
		extensions[name] = d.String()
	}
	if d.Err() != nil {
		return malformed(d.Err())
	}
	c.greeted, c.version, c.extensions = true, version, extensions
	if _, ok := extensions[extLimits]; ok {
		c.askLimits()
	}
	if c.GotServerVersion != nil {
		c.GotServerVersion(version, extensions)
	}
	return nil
}

// ConnectionLost tells the client that the connection has ended, for the given reason, which may be nil. Every outstanding request fails
// with a ConnectionLostError that wraps it, the oldest first, and so does every later one at once (C-SFTP-60, C-SFTP-61). Whoever owns the
// transport has to call it (C-SFTP-63); further calls do nothing.
func (c *FileTransferClient) ConnectionLost(reason error) {
	if c.markLost(reason) {
		c.failPending()
	}
}

// breakOff gives the connection up because of what the server did.
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

// markLost reports whether the connection was not lost before. It drops what has come in and was not looked at.
func (c *FileTransferClient) markLost(reason error) bool {
	if c.lost != nil {
		return false
	}
	c.lost, c.in = &ConnectionLostError{Reason: reason}, reader{}
	c.waiting = nil
	return true
}

// failPending fails each outstanding request, the oldest first. An errback may cancel others, which stay in the table as abandoned.
func (c *FileTransferClient) failPending() {
	oldestFirst := func(a, b uint32) int { return cmp.Compare(a-c.nextID, b-c.nextID) } // ids wrap
	ids := slices.SortedFunc(maps.Keys(c.pending), oldestFirst)
	for _, id := range ids {
		request := c.pending[id]
		delete(c.pending, id)
		request.fail(c.lost)
	}
}
