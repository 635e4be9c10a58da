package filetransfer

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// logged reports whether a record is written about requests of the kind.
func (k requestKind) logged() bool {
	switch k.name {
	case "open", "close", "opendir":
		return true
	case "write":
		return false
	}
	return k.writes
}

// logSession logs the begin and the end of a session.
func (s *FileTransferServer) logSession(what string) {
	if s.LogOperations {
		s.log().Info("sftp: session " + what)
	}
}

// note notes the paths that a request is about, for its record.
func (c *call) note(paths ...string) {
	if c.s.LogOperations && c.kind.logged() {
		c.about = paths
	}
}

// noteFailure notes why a request fails, for its record. Reads and writes have no
// record of their own: their failures are in that of the close.
func (c *call) noteFailure(err error) {
	if err == nil || errors.Is(err, io.EOF) || !c.s.LogOperations {
		return
	}
	if statusCode(err) == FXFailure { // the other codes say why
		c.err = err
	}
	if h := c.on[0]; h != nil && h.err == nil && (c.typ == fxpRead || c.typ == fxpWrite) {
		h.err = err
	}
}

// noteRefused notes the path of a request that the options forbid.
func (c *call) noteRefused(d wire.Decoder) {
	switch c.typ {
	case fxpClose, fxpRead, fxpWrite, fxpFstat, fxpFsetstat, fxpReaddir:
		return // a handle
	}
	if path := d.String(); d.Err() == nil {
		c.note(path)
	}
}

// logOperation writes the record of a request that has been answered.
func (c *call) logOperation() {
	if len(c.about) == 0 {
		return
	}
	fields, err := []any{"result", statusTexts[c.code]}, c.err
	if len(c.about) > 1 {
		fields = append(fields, "new", text.Name(c.about[1]))
	}
	switch h := c.on[0]; {
	case c.typ == fxpOpen:
		fields = append(fields, "flags", c.flags.String())
	case c.typ == fxpClose && h.file != nil:
		fields = append(fields, "read", h.read, "written", h.written)
		err = cmp.Or(err, h.err)
	}
	if err != nil {
		fields = append(fields, "err", text.Line(err.Error()))
	}
	c.s.log().Info("sftp: "+c.kind.name+" "+text.Name(c.about[0]), fields...)
}

// String returns the names of the flags, such as "read,write,create".
func (f OpenFlags) String() string {
	var names []string
	for i, name := range []string{"read", "write", "append", "create", "truncate", "exclusive"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
