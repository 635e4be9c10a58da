package filetransfer

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// operations lists each operation once: the call, the request with id 0, and
// the valid replies. The file has the name "f" and the handle "H", the
// directory has the name "d" and the handle "D".
var operations = []struct {
	name    string
	call    func(*FileTransferClient) watched
	body    string // of the request, after the id
	typ     PacketType
	answers map[PacketType]any // valid types of reply, and the result for the reply in goodReplies
	op      op
}{
	{"C-SFTP-25 openFile", func(c *FileTransferClient) watched {
		return watch(c.OpenFile("fn", FXFRead|FXFWrite|FXFCreat, Attrs{}.WithMode(0o600)))
	}, "\x00\x00\x00\x02fn\x00\x00\x00\x0b\x00\x00\x00\x04\x00\x00\x01\x80", fxpOpen, map[PacketType]any{fxpHandle: "H"}, op{name: "open", path: "fn"}},
	{"C-SFTP-25 removeFile", func(c *FileTransferClient) watched { return watch(c.RemoveFile("fn")) },
		"\x00\x00\x00\x02fn", fxpRemove, statusOnly, op{name: "remove", path: "fn"}},
	{"C-SFTP-25 renameFile", func(c *FileTransferClient) watched { return watch(c.RenameFile("old", "new")) },
		"\x00\x00\x00\x03old\x00\x00\x00\x03new", fxpRename, statusOnly, op{"rename", "old", "new"}},
	{"C-SFTP-25 makeDirectory", func(c *FileTransferClient) watched { return watch(c.MakeDirectory("dn", Attrs{})) },
		"\x00\x00\x00\x02dn\x00\x00\x00\x00", fxpMkdir, statusOnly, op{name: "mkdir", path: "dn"}},
	{"C-SFTP-25 removeDirectory", func(c *FileTransferClient) watched { return watch(c.RemoveDirectory("dn")) },
		"\x00\x00\x00\x02dn", fxpRmdir, statusOnly, op{name: "rmdir", path: "dn"}},
	{"C-SFTP-25 openDirectory", func(c *FileTransferClient) watched { return watch(c.OpenDirectory("dn")) },
		"\x00\x00\x00\x02dn", fxpOpendir, map[PacketType]any{fxpHandle: "H"}, op{name: "opendir", path: "dn"}},
	{"C-SFTP-26 getAttrs", func(c *FileTransferClient) watched { return watch(c.GetAttrs("p", false)) },
		"\x00\x00\x00\x01p", fxpLstat, attrsOnly, op{name: "lstat", path: "p"}},
	{"C-SFTP-26 getAttrs, links followed", func(c *FileTransferClient) watched { return watch(c.GetAttrs("p", true)) },
		"\x00\x00\x00\x01p", fxpStat, attrsOnly, op{name: "stat", path: "p"}},
	{"C-SFTP-25 setAttrs", func(c *FileTransferClient) watched { return watch(c.SetAttrs("p", Attrs{}.WithSize(1))) },
		"\x00\x00\x00\x01p\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", fxpSetstat, statusOnly, op{name: "setstat", path: "p"}},
	{"C-SFTP-28 readLink", func(c *FileTransferClient) watched { return watch(c.ReadLink("p")) },
		"\x00\x00\x00\x01p", fxpReadlink, map[PacketType]any{fxpName: "n\xff"}, op{name: "readlink", path: "p"}},
	{"C-SFTP-27 makeLink", func(c *FileTransferClient) watched { return watch(c.MakeLink("link", "target")) },
		"\x00\x00\x00\x06target\x00\x00\x00\x04link", fxpSymlink, statusOnly, op{"symlink", "link", "target"}},
	{"C-SFTP-27 makeLink, draft order", func(c *FileTransferClient) watched {
		c.LinkOrder = LinkOrderDraft
		return watch(c.MakeLink("link", "target"))
	}, "\x00\x00\x00\x04link\x00\x00\x00\x06target", fxpSymlink, statusOnly, op{"symlink", "link", "target"}},
	{"C-SFTP-28 realPath", func(c *FileTransferClient) watched { return watch(c.RealPath("")) },
		"\x00\x00\x00\x00", fxpRealpath, map[PacketType]any{fxpName: "n\xff"}, op{name: "realpath"}},
	{"C-SFTP-29 extendedRequest", func(c *FileTransferClient) watched { return watch(c.ExtendedRequest("x@y", []byte{1, 2})) },
		"\x00\x00\x00\x03x@y\x01\x02", fxpExtended,
		map[PacketType]any{fxpExtendedReply: ExtendedReply{Data: []byte("raw")}, fxpStatus: ExtendedReply{Status: Status{FXOK, "ok", "en"}}},
		op{name: "extended", path: "x@y"}},

	{"C-SFTP-40 readChunk", func(c *FileTransferClient) watched { return watch(testFile(c).ReadChunk(1<<32, 4)) },
		"\x00\x00\x00\x01H\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04", fxpRead, map[PacketType]any{fxpData: []byte("data")}, op{name: "read", path: "f"}},
	{"C-SFTP-41 writeChunk", func(c *FileTransferClient) watched { return watch(testFile(c).WriteChunk(7, []byte("ab"))) },
		"\x00\x00\x00\x01H\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x02ab", fxpWrite, statusOnly, op{name: "write", path: "f"}},
	{"C-SFTP-43 file.getAttrs", func(c *FileTransferClient) watched { return watch(testFile(c).GetAttrs()) },
		"\x00\x00\x00\x01H", fxpFstat, attrsOnly, op{name: "fstat", path: "f"}},
	{"C-SFTP-44 file.setAttrs", func(c *FileTransferClient) watched { return watch(testFile(c).SetAttrs(Attrs{}.WithSize(1))) },
		"\x00\x00\x00\x01H\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01", fxpFsetstat, statusOnly, op{name: "fsetstat", path: "f"}},
	{"C-SFTP-42 file.close", func(c *FileTransferClient) watched { return watch(testFile(c).Close()) },
		"\x00\x00\x00\x01H", fxpClose, statusOnly, op{name: "close", path: "f"}},
	{"C-SFTP-50 directory.read", func(c *FileTransferClient) watched { return watch(testDirectory(c).Read()) },
		"\x00\x00\x00\x01D", fxpReaddir, map[PacketType]any{fxpName: goodEntries}, op{name: "readdir", path: "d"}},
	{"C-SFTP-51 directory.close", func(c *FileTransferClient) watched { return watch(testDirectory(c).Close()) },
		"\x00\x00\x00\x01D", fxpClose, statusOnly, op{name: "close", path: "d"}},
}

func testFile(c *FileTransferClient) *ClientFile {
	return &ClientFile{client: c, handle: "H", name: "f"}
}

func testDirectory(c *FileTransferClient) *ClientDirectory {
	return &ClientDirectory{client: c, handle: "D", name: "d"}
}

var (
	goodEntries = []Entry{NewEntry("n\xff", "long n", Attrs{}.WithSize(3)), NewEntry("..", "", Attrs{})}
	goodAttrs   = Attrs{}.WithSize(3).WithOwner(4, 5).WithExtended("e", []byte("v"))
	statusOnly  = map[PacketType]any{fxpStatus: Status{FXOK, "ok", "en"}}
	attrsOnly   = map[PacketType]any{fxpAttrs: goodAttrs}
)

// goodReplies has one well-formed reply of each type to the request with id 0.
// The field lengths has the positions of all lengths and counts in the frame.
var goodReplies = []struct {
	typ     PacketType
	frame   []byte
	lengths []int
}{
	{fxpStatus, statusReply(0, FXOK, "ok", "en"), []int{13, 19}},
	{fxpHandle, stringReply(fxpHandle, 0, "H"), []int{9}},
	{fxpData, stringReply(fxpData, 0, "data"), []int{9}},
	{fxpName, nameReply(0, goodEntries...), []int{9, 13, 19, 41, 47}},
	{fxpAttrs, attrsReply(0, goodAttrs), []int{29, 33, 38}},
	{fxpExtendedReply, reply(fxpExtendedReply, 0, func(e *wire.Encoder) { e.Raw([]byte("raw")) }), nil},
}

// result makes the result of an operation comparable. It replaces an open file
// or directory by its handle.
func result(v any) any {
	switch v := v.(type) {
	case *ClientFile:
		return v.Handle()
	case *ClientDirectory:
		return v.Handle()
	}
	return v
}

// C-SFTP-4: each operation sends the expected packet.
func TestOperationsOnTheWire(t *testing.T) {
	for _, tt := range operations {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := tt.call(c)
			e := wire.NewEncoder(nil)
			e.Uint8(uint8(tt.typ))
			e.Uint32(0)
			e.Raw([]byte(tt.body))
			if len(m.sent) != 1 || string(m.last()) != string(e.Data()) {
				t.Fatalf("sent %q, want one packet %q", m.sent, e.Data())
			}
			if p := m.sent[0]; binary.BigEndian.Uint32(p) != uint32(len(p)-lengthSize) || cap(p) != len(p) {
				t.Errorf("length %d in a packet of %d bytes, %d set aside", binary.BigEndian.Uint32(p), len(p), cap(p))
			}
			if o.Fired {
				t.Error("fired before the answer")
			}
		})
	}
}

// C-SFTP-9: each operation receives a reply of each type. A reply of a wrong
// type is a protocol error.
func TestSFTP9_EveryReplyToEveryOperation(t *testing.T) {
	for _, tt := range operations {
		for _, r := range goodReplies {
			t.Run(tt.name+" "+r.typ.String(), func(t *testing.T) {
				c, m := connected(t)
				o := tt.call(c)
				c.DataReceived(slices.Clone(r.frame))
				want, answers := tt.answers[r.typ]
				if !answers {
					wantProtocolError(t, o.Err, m, ErrUnexpectedReply)
					return
				}
				if !o.Fired || o.Err != nil || !reflect.DeepEqual(result(o.Value), want) {
					t.Errorf("fired: %v, with %+v, %v; want %+v", o.Fired, o.Value, o.Err, want)
				}
			})
		}
	}
}

func TestEveryOperationRefused(t *testing.T) {
	for _, tt := range operations {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := tt.call(c)
			c.DataReceived(statusReply(0, FXPermissionDenied, "no", "en"))
			failed, isOp := errors.AsType[*OpError](o.Err)
			status, isStatus := errors.AsType[*StatusError](o.Err)
			if !o.Fired || !isOp || !isStatus || m.closed != 0 {
				t.Fatalf("fired: %v, with %v", o.Fired, o.Err)
			}
			if (op{failed.Op, failed.Path, failed.Target}) != tt.op || *status != (StatusError{FXPermissionDenied, "no", "en"}) {
				t.Errorf("%+v, %+v", failed, status)
			}
		})
	}
}

// C-SFTP-10: each valid reply to each operation, cut after every byte, and with
// each length and count replaced by a wrong number.
func TestSFTP10_LyingServer(t *testing.T) {
	for _, tt := range operations {
		for _, r := range goodReplies {
			if _, answers := tt.answers[r.typ]; !answers {
				continue
			}
			for n := headerSize; n < len(r.frame); n++ {
				if r.typ == fxpExtendedReply || r.typ == fxpStatus && (n == 13 || n == 19) {
					continue // complete without these fields: C-SFTP-23
				}
				lie(t, tt.call, cutShort(r.frame, n))
			}
			for _, at := range r.lengths {
				for _, length := range []uint32{1 << 31, 1<<32 - 1, uint32(len(r.frame))} {
					p := slices.Clone(r.frame)
					binary.BigEndian.PutUint32(p[at:], length)
					lie(t, tt.call, p)
				}
			}
		}
	}
}

func cutShort(frame []byte, n int) []byte {
	p := slices.Clone(frame[:n])
	binary.BigEndian.PutUint32(p, uint32(n-lengthSize))
	return p
}

func lie(t *testing.T, call func(*FileTransferClient) watched, reply []byte) {
	t.Helper()
	c, m := connected(t)
	o := call(c)
	c.DataReceived(slices.Clone(reply))
	wantProtocolError(t, o.Err, m, ErrMalformedReply)
	if t.Failed() {
		t.Fatalf("the reply was %q", reply)
	}
}

func TestMoreLies(t *testing.T) {
	read := func(c *FileTransferClient) watched { return watch(testFile(c).ReadChunk(0, 4)) }
	open := func(c *FileTransferClient) watched { return watch(c.OpenFile("x", FXFRead, Attrs{})) }
	opendir := func(c *FileTransferClient) watched { return watch(c.OpenDirectory("x")) }
	for _, tt := range []struct {
		name  string
		call  func(*FileTransferClient) watched
		reply []byte
	}{
		{"more data than asked for", read, stringReply(fxpData, 0, "12345")},
		{"file handle too long", open, stringReply(fxpHandle, 0, string(make([]byte, maxHandle+1)))},
		{"directory handle too long", opendir, stringReply(fxpHandle, 0, string(make([]byte, maxHandle+1)))},
		{"C-SFTP-28 readLink without a name", func(c *FileTransferClient) watched { return watch(c.ReadLink("x")) }, nameReply(0)},
		{"C-SFTP-28 realPath without a name", func(c *FileTransferClient) watched { return watch(c.RealPath("x")) }, nameReply(0)},
	} {
		t.Run(tt.name, func(t *testing.T) { lie(t, tt.call, tt.reply) })
	}
}

func TestSFTP28_FirstOfSeveralNames(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.ReadLink("x"))
	c.DataReceived(nameReply(0, Entry{Filename: "first"}, Entry{Filename: "second"}))
	if o.Value != "first" || o.Err != nil {
		t.Errorf("%+v", o)
	}
}

func TestSFTP29_EmptyExtendedReplyIsNotAStatus(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.ExtendedRequest("x", nil))
	c.DataReceived(reply(fxpExtendedReply, 0, nil))
	if !o.Fired || o.Err != nil || o.Value.Data == nil {
		t.Errorf("%+v", o)
	}
}
