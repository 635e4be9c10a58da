package filetransfer

import (
	"encoding/binary"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// protocolVersion is the version in SSH_FXP_INIT.
const protocolVersion = 3

// Extension is a name and data that the client announces in SSH_FXP_INIT (draft
// section 4).
type Extension struct {
	Name string
	Data string // any bytes
}

// newInit encodes SSH_FXP_INIT, which has no id (draft section 4).
func newInit(extensions []Extension) []byte {
	e := wire.NewEncoder(make([]byte, lengthSize))
	e.Uint8(uint8(fxpInit))
	e.Uint32(protocolVersion)
	for _, x := range extensions {
		e.String(x.Name)
		e.String(x.Data)
	}
	packet := e.Data()
	binary.BigEndian.PutUint32(packet, uint32(len(packet)-lengthSize))
	return packet
}

// versionReceived decodes SSH_FXP_VERSION (draft section 4).
func (c *FileTransferClient) versionReceived() error {
	if c.greeted {
		return fmt.Errorf("%w: a second SSH_FXP_VERSION", ErrUnexpectedReply)
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
	if c.HasExtension(extLimits) {
		c.askLimits()
	}
	if c.GotServerVersion != nil {
		c.GotServerVersion(version, extensions)
	}
	c.fireWhenVersion()
	return nil
}

// WhenVersion fires with the protocol version of the server when the server has
// announced it. Extensions and HasExtension are valid from then on. WhenVersion
// fails with the error of Lost if the connection is lost before. It may be
// called before MakeConnection.
func (c *FileTransferClient) WhenVersion() deferred.Deferred[uint32] {
	switch {
	case c.greeted:
		return deferred.Succeed(c.version)
	case c.lost != nil:
		return deferred.Fail[uint32](c.lost)
	}
	d := deferred.New[uint32]()
	c.whenKnown = append(c.whenKnown, d)
	return d
}

// fireWhenVersion fires the Deferreds that wait for the version.
func (c *FileTransferClient) fireWhenVersion() {
	waiting := c.whenKnown
	c.whenKnown = nil
	for _, d := range waiting {
		if c.greeted {
			d.Callback(c.version)
		} else {
			d.Errback(c.lost)
		}
	}
}

// Version returns the protocol version of the server, usually 3. The client
// does not check it. Version returns 0 before the server has announced its
// version.
func (c *FileTransferClient) Version() uint32 { return c.version }

// Extensions returns the names and data of the server's extensions. It returns
// nil before the server has announced its version. The caller must not change
// the map.
func (c *FileTransferClient) Extensions() map[string]string { return c.extensions }

// HasExtension reports whether the server has announced the extension. It
// returns false before the server has announced its version; see WhenVersion.
func (c *FileTransferClient) HasExtension(name string) bool {
	_, ok := c.extensions[name]
	return ok
}
