package filetransfer

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

func numbers(n int) []byte {
	var e wire.Encoder
	for i := range n {
		e.Uint64(uint64(i + 1))
	}
	return e.Data()
}

func nested(lists ...[]string) []byte {
	var e wire.Encoder
	for _, list := range lists {
		var inner wire.Encoder
		for _, s := range list {
			inner.String(s)
		}
		e.Bytes(inner.Data())
	}
	return e.Data()
}

var extensions = []struct {
	name  string
	call  func(*FileTransferClient) watched
	body  string // of the request, after the name of the extension
	reply []byte // body of the reply after the id; nil for a status
	typ   PacketType
	want  any
	op    op
}{
	{extPosixRename, func(c *FileTransferClient) watched { return watch(c.PosixRename("a", "bc")) }, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", nil, fxpStatus,
		Status{FXOK, "ok", "en"}, op{"posix-rename", "a", "bc"}},
	{extHardLink, func(c *FileTransferClient) watched { return watch(c.HardLink("a", "bc")) }, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", nil, fxpStatus,
		Status{FXOK, "ok", "en"}, op{"hardlink", "a", "bc"}},
	{extLSetStat, func(c *FileTransferClient) watched { return watch(c.SetLinkAttrs("p", Attrs{}.WithMode(0o600))) },
		"\x00\x00\x00\x01p\x00\x00\x00\x04\x00\x00\x01\x80", nil, fxpStatus, Status{FXOK, "ok", "en"}, op{name: "lsetstat", path: "p"}},
	{extFsync, func(c *FileTransferClient) watched { return watch(testFile(c).Sync()) }, "\x00\x00\x00\x01H", nil, fxpStatus, Status{FXOK, "ok", "en"},
		op{name: "fsync", path: "f"}},
	{extCopyData, func(c *FileTransferClient) watched {
		return watch(testFile(c).CopyData(1, 2, &ClientFile{client: c, handle: "T", name: "t"}, 3))
	}, "\x00\x00\x00\x01H" + "\x00\x00\x00\x00\x00\x00\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x02" + "\x00\x00\x00\x01T" + "\x00\x00\x00\x00\x00\x00\x00\x03",
		nil, fxpStatus, Status{FXOK, "ok", "en"}, op{"copy-data", "f", "t"}},
	{extExpandPath, func(c *FileTransferClient) watched { return watch(c.ExpandPath("~x")) }, "\x00\x00\x00\x02~x",
		nameReply(0, Entry{Filename: "/home/x"})[headerSize:], fxpName, "/home/x", op{name: "expand-path", path: "~x"}},
	{extHome, func(c *FileTransferClient) watched { return watch(c.HomeDirectory("x")) }, "\x00\x00\x00\x01x",
		nameReply(0, Entry{Filename: "/home/x"})[headerSize:], fxpName, "/home/x", op{name: "home-directory", path: "x"}},
	{extStatVFS, func(c *FileTransferClient) watched { return watch(c.StatVFS("p")) }, "\x00\x00\x00\x01p", numbers(11), fxpExtendedReply,
		StatVFS{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, op{name: "statvfs", path: "p"}},
	{extFStatVFS, func(c *FileTransferClient) watched { return watch(testFile(c).StatVFS()) }, "\x00\x00\x00\x01H", numbers(11), fxpExtendedReply,
		StatVFS{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, op{name: "fstatvfs", path: "f"}},
	{extLimits, func(c *FileTransferClient) watched { return watch(c.Limits()) }, "", numbers(4), fxpExtendedReply, Limits{1, 2, 3, 4}, op{name: "limits"}},
	{extNamesByID, func(c *FileTransferClient) watched { return watch(c.UsersGroupsByID([]uint32{1, 2}, []uint32{3})) },
		"\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x03", nested([]string{"u", ""}, []string{"g"}), fxpExtendedReply,
		Names{[]string{"u", ""}, []string{"g"}}, op{name: "users-groups-by-id"}},
}

func TestExtensions(t *testing.T) {
	for _, tt := range extensions {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := tt.call(c)
			e := wire.NewEncoder([]byte{byte(fxpExtended), 0, 0, 0, 0})
			e.String(tt.name)
			e.Raw([]byte(tt.body))
			if len(m.sent) != 1 || string(m.last()) != string(e.Data()) || cap(m.sent[0]) != len(m.sent[0]) {
				t.Fatalf("sent %q, want one packet %q", m.sent, e.Data())
			}
			if tt.reply == nil {
				c.DataReceived(statusReply(0, FXOK, "ok", "en"))
			} else {
				c.DataReceived(reply(tt.typ, 0, func(e *wire.Encoder) { e.Raw(tt.reply) }))
			}
			if !o.Fired || o.Err != nil || !reflect.DeepEqual(o.Value, tt.want) {
				t.Errorf("fired: %v, with %+v, %v; want %+v", o.Fired, o.Value, o.Err, tt.want)
			}

			c, m = connected(t)
			o = tt.call(c)
			c.DataReceived(statusReply(0, FXOpUnsupported, "", ""))
			failed, isOp := errors.AsType[*OpError](o.Err)
			if !o.Fired || !isOp || !errors.Is(o.Err, errors.ErrUnsupported) || (op{failed.Op, failed.Path, failed.Target}) != tt.op || m.closed != 0 {
				t.Errorf("refused: fired: %v, with %v", o.Fired, o.Err)
			}
		})
	}
}

// TestExtensions_LyingServer: the server answers an extension with a mere
// success, or with a reply that is cut short.
func TestExtensions_LyingServer(t *testing.T) {
	for _, tt := range extensions {
		if tt.reply == nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := tt.call(c)
			c.DataReceived(statusReply(0, FXOK, "", ""))
			wantProtocolError(t, o.Err, m, ErrUnexpectedReply)
			for n := range tt.reply {
				lie(t, tt.call, reply(tt.typ, 0, func(e *wire.Encoder) { e.Raw(tt.reply[:n]) }))
			}
		})
	}
	byID := extensions[len(extensions)-1].call
	for _, body := range [][]byte{nested([]string{"u"}, []string{"g"}), nested([]string{"u", "v", "w"}, []string{"g"}), nested([]string{"u", "v"}, nil),
		nested(slices.Repeat([]string{""}, 20_000), []string{"g"})} {
		lie(t, byID, reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw(body) }))
	}
}

func TestLimitsAreAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name        string
		answer      []byte
		read, write int
	}{
		{"as OpenSSH", reply(fxpExtendedReply, 0, func(e *wire.Encoder) {
			for _, v := range []uint64{262144, 261120, 200_000, 1019} {
				e.Uint64(v)
			}
		}), 261120, 200_000},
		{"no limits", reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw(make([]byte, 32)) }), safeChunk, safeChunk},
		{"far too little", reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw(numbers(4)) }), minChunk, minChunk},
		{"far too much", reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw(slices.Repeat([]byte{255}, 32)) }), MaxChunk, MaxChunk},
		{"refused", statusReply(0, FXOpUnsupported, "", ""), safeChunk, safeChunk},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			c.DataReceived(versionPacket(3, extLimits, "1"))
			if len(m.sent) != 1 || m.last()[0] != byte(fxpExtended) || !c.HasExtension(extLimits) || c.HasExtension("x") {
				t.Fatalf("sent %q", m.sent)
			}
			if c.ReadSize() != safeChunk || c.WriteSize() != safeChunk {
				t.Errorf("before the answer: %d, %d", c.ReadSize(), c.WriteSize())
			}
			c.DataReceived(tt.answer)
			if c.ReadSize() != tt.read || c.WriteSize() != tt.write || m.closed != 0 {
				t.Errorf("reads of %d bytes, writes of %d, want %d and %d", c.ReadSize(), c.WriteSize(), tt.read, tt.write)
			}
		})
	}
}
