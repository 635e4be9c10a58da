package filetransfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestSFTP25_OpenFileAttributes(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.OpenFile("./a/../name", FXFRead, Attrs{}))
	// The longest handle. A handle may contain any bytes.
	handle := string([]byte{0, 0xff}) + string(make([]byte, maxHandle-2))
	c.DataReceived(stringReply(fxpHandle, 0, handle))
	f := o.Value
	if f == nil || f.Name() != "./a/../name" || f.Handle() != handle || f.Client() != c { // C-SFTP-45
		t.Fatalf("%+v, %v", f, o.Err)
	}
}

func TestSFTP40_ReadChunk(t *testing.T) {
	for _, tt := range []struct {
		name   string
		length uint32
		asked  uint32
		reply  []byte
		want   string
		err    error
	}{
		{"all", 4, 4, stringReply(fxpData, 0, "data"), "data", nil},
		{"fewer bytes than asked for", 4, 4, stringReply(fxpData, 0, "da"), "da", nil},
		{"none", 4, 4, stringReply(fxpData, 0, ""), "", nil},
		{"at the end", 4, 4, statusReply(0, FXEOF, "End of file", ""), "", io.EOF},
		{"the longest single request", safeChunk, safeChunk, stringReply(fxpData, 0, string(make([]byte, safeChunk))), string(make([]byte, safeChunk)), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			o := deferredtest.Observe(testFile(c).ReadChunk(0, tt.length))
			if asked := binary.BigEndian.Uint32(m.last()[18:]); asked != tt.asked {
				t.Errorf("asked for %d bytes, want %d", asked, tt.asked)
			}
			c.DataReceived(tt.reply)
			if !o.Fired || string(o.Value) != tt.want || !errors.Is(o.Err, tt.err) {
				t.Errorf("fired: %v, with %d bytes, %v", o.Fired, len(o.Value), o.Err)
			}
			if len(m.sent) != 1 {
				t.Errorf("%d requests, want one whatever the answer", len(m.sent))
			}
		})
	}
}

func TestSFTP41_WriteChunk(t *testing.T) {
	c, m := connected(t)
	data := slices.Repeat([]byte("abc"), safeChunk/3)
	deferredtest.Observe(testFile(c).WriteChunk(5, data))
	clear(data)
	if len(m.sent) != 1 || len(m.last()) != 5+5+8+4+len(data) || m.last()[22] != 'a' || m.last()[len(m.last())-1] != 'c' {
		t.Errorf("%d packets, the last of %d bytes", len(m.sent), len(m.last()))
	}
}

// C-SFTP-42, fixed: a file is closed only once. The server may have given the
// handle to another file, which a second request would close.
func TestSFTP42_ClosedOnce(t *testing.T) {
	c, m := connected(t)
	f := testFile(c)
	first := deferredtest.Observe(f.Close())
	for name, o := range map[string]watched{
		"close": watch(f.Close()), "read": watch(f.ReadChunk(0, 1)), "long read": watch(f.ReadChunk(0, 1<<30)), "write": watch(f.WriteChunk(0, nil)),
		"fstat": watch(f.GetAttrs()), "fsetstat": watch(f.SetAttrs(Attrs{})), "fsync": watch(f.Sync()), "read into": watch(f.ReadInto(0, make([]byte, 9))),
	} {
		if !o.Fired || !errors.Is(o.Err, fs.ErrClosed) {
			t.Errorf("%s: fired: %v, with %v", name, o.Fired, o.Err)
		}
	}
	if len(m.sent) != 1 {
		t.Fatalf("%d requests, want 1", len(m.sent))
	}
	c.DataReceived(statusReply(0, FXFailure, "", ""))
	if first.Err == nil {
		t.Error("the server's answer is lost")
	}
}

func TestSFTP51_DirectoryClosesOnce(t *testing.T) {
	c, m := connected(t)
	d := testDirectory(c)
	first, second := deferredtest.Observe(d.Close()), deferredtest.Observe(d.Close())
	if len(m.sent) != 1 || first.Fired || !second.Fired || second.Err != nil || second.Value != (Status{}) {
		t.Errorf("%d requests, first %+v, second %+v", len(m.sent), first, second)
	}
	c.DataReceived(statusReply(0, FXOK, "", ""))
	if !first.Fired || first.Err != nil {
		t.Errorf("first %+v", first)
	}
}

func TestSFTP50_DirectoryRead(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.OpenDirectory("dir"))
	c.DataReceived(stringReply(fxpHandle, 0, "D"))
	d := o.Value
	if d.Name() != "dir" || d.Handle() != "D" || d.Client() != c {
		t.Errorf("%+v", d)
	}
	batch, end := deferredtest.Observe(d.Read()), deferredtest.Observe(d.Read())
	c.DataReceived(nameReply(1, NewEntry(".", "l1", Attrs{}), NewEntry("..", "l2", Attrs{}), NewEntry("a", "l3", Attrs{}.WithMode(0o600))))
	c.DataReceived(statusReply(2, FXEOF, "", ""))
	if len(batch.Value) != 3 || batch.Value[0].Filename != "." || batch.Value[2].Longname() != "l3" || batch.Value[2].Attrs.FileMode() != 0o600 {
		t.Errorf("%+v", batch)
	}
	if info := batch.Value[2].FileInfo(); info.Name() != "a" || info.Mode() != 0o600 {
		t.Errorf("%v", info)
	}
	if !errors.Is(end.Err, io.EOF) {
		t.Errorf("end: %v", end.Err)
	}
}

// serveDirectory answers SSH_FXP_READDIR from inside Write: first n batches of
// one entry, then the reply that last returns.
func serveDirectory(c *FileTransferClient, m *memoryTransport, n int, last func(id uint32) []byte) {
	m.onWrite = func(p []byte) {
		id := binary.BigEndian.Uint32(p[5:])
		if n == 0 {
			c.DataReceived(last(id))
			return
		}
		n--
		c.DataReceived(nameReply(id, Entry{Filename: fmt.Sprint(n)}))
	}
}

func TestSFTP52_ReadAll(t *testing.T) {
	for _, tt := range []struct {
		name string
		last func(id uint32) []byte
		want []string
		err  error
	}{
		{"to the end", func(id uint32) []byte { return statusReply(id, FXEOF, "", "") }, []string{"2", "1", "0"}, nil},
		{"to an empty batch", func(id uint32) []byte { return nameReply(id) }, []string{"2", "1", "0"}, nil},
		{"to an error", func(id uint32) []byte { return statusReply(id, FXOpUnsupported, "", "") }, nil, errors.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			serveDirectory(c, m, 3, tt.last)
			o := deferredtest.Observe(testDirectory(c).ReadAll())
			var names []string
			for _, e := range o.Value {
				names = append(names, e.Filename)
			}
			if !o.Fired || !slices.Equal(names, tt.want) || !errors.Is(o.Err, tt.err) {
				t.Errorf("fired: %v, with %v, %v", o.Fired, names, o.Err)
			}
		})
	}
}

// F12: by default ReadAll accepts at most 64 MiB of entries.
func TestF12_SFTP52_ReadAllIsBounded(t *testing.T) {
	c, m := connected(t)
	batch := make([]Entry, 20_000)
	endless := deferredtest.Observe(testDirectory(c).ReadAll())
	for id := uint32(0); !endless.Fired; id++ {
		if id > 20 {
			t.Fatalf("still reading after %d batches", id)
		}
		c.DataReceived(nameReply(id, batch...))
	}
	if !errors.Is(endless.Err, ErrTooManyEntries) || m.closed != 0 {
		t.Errorf("%v", endless.Err)
	}
	if _, ok := errors.AsType[*OpError](endless.Err); !ok {
		t.Errorf("%T", endless.Err)
	}
}

func TestSFTP52_ReadAllOnALostConnection(t *testing.T) {
	c, _ := connected(t)
	under := deferredtest.Observe(testDirectory(c).ReadAll())
	c.ConnectionLost(io.ErrClosedPipe)
	after := deferredtest.Observe(testDirectory(c).ReadAll())
	if !errors.Is(under.Err, io.ErrClosedPipe) || !errors.Is(after.Err, io.ErrClosedPipe) {
		t.Errorf("under way: %v, afterwards: %v", under.Err, after.Err)
	}
}
