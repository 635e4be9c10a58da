package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// The types of packets that the tests make by hand.
const (
	fxpInit, fxpOpen, fxpClose, fxpRead, fxpWrite, fxpLstat, fxpFstat    = 1, 3, 4, 5, 6, 7, 8
	fxpSetstat, fxpFsetstat, fxpOpendir, fxpReaddir, fxpRemove, fxpMkdir = 9, 10, 11, 12, 13, 14
	fxpRmdir, fxpRealpath, fxpStat, fxpRename, fxpReadlink, fxpSymlink   = 15, 16, 17, 18, 19, 20
	fxpExtended                                                          = 200
)

// attrs are encoded attributes of a request.
type attrs filetransfer.Attrs

// handle is the n-th handle of a conversation.
type handle int

// rawAttrs are attributes as they stand in a packet.
type rawAttrs string

// request is a packet made by hand: its type, and its fields after the id.
type request struct {
	typ    byte
	fields []any
}

func req(typ byte, fields ...any) request { return request{typ, fields} }

// ext is an extended request.
func ext(name string, fields ...any) request {
	return req(fxpExtended, append([]any{name}, fields...)...)
}

func (r request) String() string {
	s := fmt.Sprintf("%d %q", r.typ, r.fields)
	return s[:min(len(s), 200)]
}

// encode returns the frame of a request.
func (r request) encode(id uint32, handles []string) []byte {
	e := wire.NewEncoder(make([]byte, 4))
	e.Uint8(r.typ)
	e.Uint32(id)
	for _, field := range r.fields {
		switch v := field.(type) {
		case string:
			e.String(v)
		case int:
			e.Uint32(uint32(v))
		case uint32:
			e.Uint32(v)
		case uint64:
			e.Uint64(v)
		case handle:
			if int(v) < len(handles) {
				e.String(handles[v])
			} else {
				e.String("\xff\xff\xff\xfe")
			}
		case attrs:
			encodeAttrs(&e, filetransfer.Attrs(v))
		case rawAttrs:
			e.Raw([]byte(v))
		default:
			panic(fmt.Sprintf("field of type %T", field))
		}
	}
	p := e.Data()
	binary.BigEndian.PutUint32(p, uint32(len(p)-4))
	return p
}

func encodeAttrs(e *wire.Encoder, a filetransfer.Attrs) {
	e.Uint32(uint32(a.Flags))
	if a.Has(filetransfer.AttrSize) {
		e.Uint64(a.Size)
	}
	if a.Has(filetransfer.AttrUIDGID) {
		e.Uint32(a.UID)
		e.Uint32(a.GID)
	}
	if a.Has(filetransfer.AttrPermissions) {
		e.Uint32(a.Permissions)
	}
	if a.Has(filetransfer.AttrACModTime) {
		e.Uint32(a.ATime)
		e.Uint32(a.MTime)
	}
}

// conversation is a client that sends requests made by hand to a server, one at
// a time.
type conversation struct {
	t       testing.TB
	w       io.WriteCloser
	r       io.Reader
	end     func() error // waits for the server
	id      uint32
	handles []string
	hide    string // a path that is shown as ""
}

// program starts a server that speaks SFTP on its standard input and output.
func program(t testing.TB, cmd *exec.Cmd) *conversation {
	t.Helper()
	var log bytes.Buffer
	cmd.Stderr = &log
	w, errIn := cmd.StdinPipe()
	r, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	watch := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	c := &conversation{t: t, w: w, r: r, end: func() error {
		defer watch.Stop()
		return cmd.Wait()
	}}
	t.Cleanup(func() {
		c.close()
		if t.Failed() && log.Len() > 0 {
			t.Logf("log of %s: %s", cmd.Path, &log)
		}
	})
	return c
}

// close ends the input of the server and waits for its end.
func (c *conversation) close() {
	if c.w != nil {
		_ = c.w.Close()
		_, _ = io.Copy(io.Discard, c.r)
		_ = c.end()
		c.w = nil
	}
}

// greet sends SSH_FXP_INIT and returns the answer.
func (c *conversation) greet() string {
	c.send([]byte("\x00\x00\x00\x05\x01\x00\x00\x00\x03"))
	return string(c.receive())
}

func (c *conversation) send(frame []byte) {
	c.t.Helper()
	if _, err := c.w.Write(frame); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns a packet without its length, or nil at the end.
func (c *conversation) receive() []byte {
	c.t.Helper()
	var size [4]byte
	if _, err := io.ReadFull(c.r, size[:]); err != nil {
		return nil
	}
	packet := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.r, packet); err != nil {
		return nil
	}
	return packet
}

// ask sends a request and returns the answer in words.
func (c *conversation) ask(r request) string {
	c.t.Helper()
	c.id++
	c.send(r.encode(c.id, c.handles))
	return c.answer(c.id)
}

func (c *conversation) answer(id uint32) string {
	c.t.Helper()
	packet := c.receive()
	if packet == nil {
		return "END"
	}
	d := wire.NewDecoder(packet)
	typ, got := d.Uint8(), d.Uint32()
	if got != id {
		c.t.Errorf("answer with id %d to request %d", got, id)
	}
	words := c.words(typ, &d)
	if err := d.Finish(); err != nil {
		c.t.Errorf("answer %q: %v", packet, err)
	}
	return words
}

func (c *conversation) words(typ uint8, d *wire.Decoder) string {
	switch typ {
	case 101:
		return fmt.Sprintf("%d %s%s", d.Uint32(), d.String(), d.String())
	case 102:
		c.handles = append(c.handles, d.String())
		return "HANDLE"
	case 103:
		data := d.Bytes()
		if len(data) > 100 {
			return fmt.Sprintf("DATA %d", len(data))
		}
		return fmt.Sprintf("DATA %q", data)
	case 104:
		var names []string
		for n := d.Uint32(); n > 0; n-- {
			names = append(names, c.entry(d))
		}
		slices.Sort(names) // the order of a directory depends on its past
		return "NAME " + strings.Join(names, ", ")
	case 105:
		return "ATTRS " + attrWords(d)
	case 201:
		return fmt.Sprintf("REPLY %q", d.Rest())
	default:
		return fmt.Sprintf("type %d", typ)
	}
}

// entry shows a name, the columns of its long name that do not change between
// two runs, and its attributes.
func (c *conversation) entry(d *wire.Decoder) string {
	name, long := d.String(), d.String()
	shown := attrWords(d)
	if c.hide != "" && strings.HasPrefix(name, c.hide) {
		if name = name[len(c.hide):]; name == "" {
			name = "/"
		}
		long = strings.Replace(long, c.hide, "", 1)
		if long == "" {
			long = "/"
		}
	}
	if fields := strings.Fields(long); len(fields) >= 9 {
		long = strings.Join(fields[:5], " ")
	}
	return fmt.Sprintf("%q %q %s", name, long, shown)
}

// attrWords shows attributes. Of times it shows only those before 2020, which a
// test has set.
func attrWords(d *wire.Decoder) string {
	flags := d.Uint32()
	words := fmt.Sprintf("%#x", flags)
	var directory bool
	var size uint64
	if flags&1 != 0 {
		size = d.Uint64()
	}
	if flags&2 != 0 {
		words += fmt.Sprintf(" owner %d/%d", d.Uint32(), d.Uint32())
	}
	if flags&4 != 0 {
		mode := d.Uint32()
		directory = mode&0o170000 == 0o040000
		words += fmt.Sprintf(" mode %o", mode)
	}
	if flags&1 != 0 && !directory { // the size of a directory depends on its past
		words += fmt.Sprintf(" size %d", size)
	}
	if flags&8 != 0 {
		for _, name := range []string{"atime", "mtime"} {
			if v := d.Uint32(); v < 1577836800 {
				words += fmt.Sprintf(" %s %d", name, v)
			}
		}
	}
	return words
}

// tree shows all files below a directory, for a comparison.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	var walk func(string)
	walk = func(rel string) {
		entries, err := os.ReadDir(dir + rel)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := rel + "/" + e.Name()
			info, err := os.Lstat(dir + name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %v", name, info.Mode())
			switch {
			case info.Mode().IsRegular():
				content, err := os.ReadFile(dir + name)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, " %d", len(content))
				if len(content) < 100 {
					fmt.Fprintf(&b, " %q", content)
				}
			case info.Mode().Type() == os.ModeSymlink:
				target, _ := os.Readlink(dir + name)
				fmt.Fprintf(&b, " -> %q", target)
			}
			b.WriteByte('\n')
			if info.IsDir() {
				walk(name)
			}
		}
	}
	walk("")
	return b.String()
}
