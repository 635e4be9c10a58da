package sftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// liar is a server whose replies the test defines, and the transport of its
// client.
type liar struct {
	r       *reactor.Reactor
	client  *filetransfer.FileTransferClient
	lists   map[string]func(n int) []filetransfer.Entry // for each directory, returns batch n of the entries; nil at the end
	stat    func(name string) (filetransfer.Attrs, bool)
	file    func(name string, offset uint64, n int) []byte // returns nil at the end
	silent  bool                                           // reads get no reply
	handles []string
	asked   map[string]int // number of reads of each handle
	open    int
	// lose returns nil, or the reason why the connection ends instead of an
	// answer to a request of type typ. It may be nil.
	lose func(typ uint8) error
}

const (
	fileMode = 0o100644
	dirMode  = 0o040755
	linkMode = 0o120777
)

func attrs(mode uint32, size uint64) filetransfer.Attrs {
	return filetransfer.Attrs{Flags: filetransfer.AttrPermissions | filetransfer.AttrSize, Permissions: mode, Size: size}
}

func (l *liar) LoseConnection() {}

func (l *liar) Write(p []byte) {
	d := wire.NewDecoder(p[4:])
	typ := d.Uint8()
	if typ == 1 {
		l.reply(2, 3, nil)
		return
	}
	id := d.Uint32()
	arg := d.String()
	l.r.CallFromThread(func() { l.answer(typ, id, arg, &d) })
}

func (l *liar) answer(typ uint8, id uint32, arg string, d *wire.Decoder) {
	if l.lose != nil {
		if reason := l.lose(typ); reason != nil {
			l.client.ConnectionLost(reason)
			return
		}
	}
	status := func(code uint32) { l.reply(101, id, func(e *wire.Encoder) { e.Uint32(code) }) }
	switch typ {
	case 3, 11: // open, opendir
		l.open++
		l.handles = append(l.handles, arg)
		l.reply(102, id, func(e *wire.Encoder) { e.String(fmt.Sprint(len(l.handles) - 1)) })
	case 4: // close
		l.open--
		status(0)
	case 5: // read
		if l.silent {
			return
		}
		data := l.file(l.name(arg), d.Uint64(), int(d.Uint32()))
		if data == nil {
			status(1)
			return
		}
		l.reply(103, id, func(e *wire.Encoder) { e.Bytes(data) })
	case 7, 8, 17: // lstat, fstat, stat
		a, ok := l.stat(arg)
		if !ok {
			status(2)
			return
		}
		l.reply(105, id, func(e *wire.Encoder) { encode(e, a) })
	case 12: // readdir
		l.asked[arg]++
		list := l.lists[l.name(arg)]
		if list == nil || list(l.asked[arg]-1) == nil {
			status(1)
			return
		}
		entries := list(l.asked[arg] - 1)
		l.reply(104, id, func(e *wire.Encoder) {
			e.Uint32(uint32(len(entries)))
			for _, entry := range entries {
				e.String(entry.Filename)
				e.String("")
				encode(e, entry.Attrs)
			}
		})
	case 19: // readlink
		l.reply(104, id, func(e *wire.Encoder) {
			e.Uint32(1)
			e.String("../../../" + arg)
			e.String("")
			e.Uint32(0)
		})
	default:
		status(8)
	}
}

func (l *liar) name(handle string) string {
	i := 0
	_, _ = fmt.Sscan(handle, &i)
	return l.handles[i]
}

func encode(e *wire.Encoder, a filetransfer.Attrs) {
	e.Uint32(uint32(a.Flags))
	if a.Flags != 0 {
		e.Uint64(a.Size)
		e.Uint32(a.Permissions)
	}
}

func (l *liar) reply(typ uint8, id uint32, body func(*wire.Encoder)) {
	e := wire.NewEncoder(make([]byte, 4))
	e.Uint8(typ)
	e.Uint32(id)
	if body != nil {
		body(&e)
	}
	binary.BigEndian.PutUint32(e.Data(), uint32(len(e.Data())-4))
	l.client.DataReceived(e.Data())
}

// newLiar starts a server on which each name that ends in .txt is a file, and
// every other name is a directory.
func newLiar(t *testing.T) (*peer, *liar) {
	p := &peer{t: t, local: t.TempDir()}
	reactortest.CheckGoroutines(t)
	p.r = reactortest.Start(t, reactor.Options{})
	l := &liar{r: p.r, client: filetransfer.NewFileTransferClient(), asked: make(map[string]int), lists: make(map[string]func(int) []filetransfer.Entry)}
	l.stat = func(name string) (filetransfer.Attrs, bool) {
		if strings.HasSuffix(name, ".txt") {
			return attrs(fileMode, 3), true
		}
		return attrs(dirMode, 0), true
	}
	l.file = func(name string, offset uint64, n int) []byte {
		if offset >= 3 {
			return nil
		}
		return []byte("abc")[offset:]
	}
	onLoop(p, func() {
		l.client.MakeConnection(l)
		p.Client = New(l.client, p.r)
	})
	return p, l
}

func list(entries ...filetransfer.Entry) func(int) []filetransfer.Entry {
	return func(n int) []filetransfer.Entry {
		if n > 0 {
			return nil
		}
		return entries
	}
}

func entryOf(name string, mode uint32, size uint64) filetransfer.Entry {
	return filetransfer.Entry{Filename: name, Attrs: attrs(mode, size)}
}

// TestHostileNames: a listing contains invalid names. Nothing is written
// outside the target, and the other files arrive.
func TestHostileNames(t *testing.T) {
	p, l := newLiar(t)
	bad := []string{"", "/", "../escaped.txt", "a/b.txt", "/tmp/escaped.txt", "..//x.txt", "x\x00y.txt", "./x.txt", "sub/../../x.txt"}
	entries := []filetransfer.Entry{entryOf(".", dirMode, 0), entryOf("..", dirMode, 0), entryOf("good.txt", fileMode, 3)}
	for _, name := range bad {
		entries = append(entries, entryOf(name, fileMode, 3), entryOf(name+"/", dirMode, 0))
	}
	l.lists["top"] = list(entries...)
	target := filepath.Join(p.local, "inner", "target")
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := p.get("top", target, Options{})
	tree, ok := errors.AsType[*TreeError](err)
	if !ok || tree.Failed != 2*len(bad) || !errors.Is(err, ErrUnsafeName) || tree.Report.Files != 1 {
		t.Errorf("%v", err)
	}
	got := treeOf(t, p.local)
	if len(got) != 3 || !strings.HasPrefix(got[2], "inner/target/good.txt ") {
		t.Errorf("made %q", got)
	}
	if _, err := os.Lstat("/tmp/escaped.txt"); err == nil {
		t.Error("escaped")
	}
}

// TestHostileLinks: a listing contains files whose path leads through a
// symbolic link. The link is in the target, or comes from the same server.
// Nothing is written through it.
func TestHostileLinks(t *testing.T) {
	p, l := newLiar(t)
	outside := t.TempDir()
	target := filepath.Join(p.local, "target")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dir", "file.txt"} {
		if err := os.Symlink(filepath.Join(outside, name), filepath.Join(target, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(outside, "dir", "file.txt"), []byte("untouched"))
	write(t, filepath.Join(outside, "file.txt"), []byte("untouched"))
	l.lists["top"] = list(entryOf("dir", dirMode, 0), entryOf("file.txt", fileMode, 3), entryOf("link", linkMode, 0), entryOf("link", dirMode, 0))
	l.lists["top/dir"] = list(entryOf("file.txt", fileMode, 3), entryOf("new.txt", fileMode, 3))
	l.lists["top/link"] = list(entryOf("new.txt", fileMode, 3))
	for _, o := range []Options{{Links: CopyLinks}, {Links: CopyLinks, Atomic: true}, {Links: CopyLinks, Resume: true}, {Links: CopyLinks, Preserve: true}} {
		if _, err := p.get("top", target, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
		got := treeOf(t, outside)
		if len(got) != 3 || string(read(t, filepath.Join(outside, "file.txt"))) != "untouched" || string(read(t, filepath.Join(outside, "dir", "file.txt"))) != "untouched" {
			t.Errorf("%+v: outside is now %q", o, got)
		}
	}
	if _, err := os.Lstat(filepath.Join(target, "link")); err == nil {
		if got, err := os.Readlink(filepath.Join(target, "link")); err == nil {
			t.Errorf("a link to %q was made", got)
		}
	}
}

func TestHostileDepth(t *testing.T) {
	p, l := newLiar(t)
	deepest := 0
	stat := l.stat
	l.stat = func(name string) (filetransfer.Attrs, bool) { return stat(name) }
	endless := list(entryOf("d", dirMode, 0))
	name := "top"
	for range MaxDepth + 50 {
		l.lists[name] = endless
		name = path.Join(name, "d")
		deepest++
	}
	_, err := p.get("top", filepath.Join(p.local, "t"), Options{})
	if !errors.Is(err, ErrTooDeep) {
		t.Errorf("get: %v", err)
	}
	if _, err := p.walk("top", nil); !errors.Is(err, ErrTooDeep) {
		t.Errorf("walk: %v", err)
	}
}

func TestHostileDirectoryWithoutEnd(t *testing.T) {
	p, l := newLiar(t)
	batch := make([]filetransfer.Entry, 5000)
	for i := range batch {
		batch[i] = entryOf(".", fileMode, 0) // an entry that is skipped
	}
	l.lists["top"] = func(int) []filetransfer.Entry { return batch }
	if _, err := p.get("top", filepath.Join(p.local, "t"), Options{}); !errors.Is(err, filetransfer.ErrTooManyEntries) {
		t.Errorf("get: %v", err)
	}
	if err := p.Glob("top/*"); !errors.Is(err, filetransfer.ErrTooManyEntries) {
		t.Errorf("glob: %v", err)
	}
}

// TestF4_HostileSizes: files are shorter or longer than stated, or have no
// data.
func TestF4_HostileSizes(t *testing.T) {
	for _, tt := range []struct {
		name string
		size uint64
		file func(name string, offset uint64, n int) []byte
		want error
		got  int // size of the target; -1: there is none
	}{
		{"shorter, small", 10, nil, nil, 3},
		{"shorter, large", 3 * chunkSize, nil, nil, 3},
		{"empty", 5, func(string, uint64, int) []byte { return nil }, nil, 0},
		{"longer", 2, func(_ string, offset uint64, n int) []byte {
			if offset >= 1000 {
				return nil
			}
			return make([]byte, min(n, 1000-int(offset)))
		}, nil, 1000},
		{"far too large", 1 << 63, nil, nil, 3},
		{"no data, no end", 3 * chunkSize, func(string, uint64, int) []byte { return []byte{} }, io.ErrNoProgress, -1},
		{"a byte at a time", 9, func(_ string, offset uint64, n int) []byte {
			if offset >= 9 {
				return nil
			}
			return []byte{byte(offset)}
		}, nil, 9},
		{"data after the end", 0, func(_ string, offset uint64, n int) []byte {
			switch {
			case offset < 100:
				return make([]byte, min(n, 100-int(offset)))
			case offset == 100 || offset > 3*chunkSize:
				return nil
			}
			return make([]byte, n)
		}, nil, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, l := newLiar(t)
			if tt.file != nil {
				l.file = tt.file
			}
			l.stat = func(string) (filetransfer.Attrs, bool) { return attrs(fileMode, tt.size), true }
			target := filepath.Join(p.local, "target")
			_, err := p.get("x.txt", target, Options{})
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			info, err := os.Stat(target)
			if tt.got < 0 && err == nil || tt.got >= 0 && (err != nil || info.Size() != int64(tt.got)) {
				t.Errorf("the target has %v, %v", info, err)
			}
			if onLoop(p, func() {}); l.open != 0 || p.pool.stats().Used != 0 {
				t.Errorf("%d handles, %d bytes of buffers are left", l.open, p.pool.stats().Used)
			}
		})
	}
}

// TestEntriesWithoutAttributes: the client requests the attributes of an entry
// that was listed without them.
func TestEntriesWithoutAttributes(t *testing.T) {
	p, l := newLiar(t)
	l.lists["top"] = list(filetransfer.Entry{Filename: "sub"}, filetransfer.Entry{Filename: "a.txt"})
	report, err := p.get("top", filepath.Join(p.local, "t"), Options{})
	if err != nil || report.Files != 1 || report.Dirs != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestStall(t *testing.T) {
	p, l := newLiar(t)
	l.silent = true
	for _, name := range []string{"x.txt", "top"} {
		l.lists["top"] = list(entryOf("a.txt", fileMode, 3), entryOf("b.txt", fileMode, 3*chunkSize))
		began := time.Now()
		_, err := p.get(name, filepath.Join(p.local, name), Options{StallTimeout: 20 * time.Millisecond})
		if !errors.Is(err, ErrStalled) || time.Since(began) < 20*time.Millisecond {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
	}
	if onLoop(p, func() {}); p.pool.stats().Used != 0 {
		t.Errorf("%d bytes of buffers are left", p.pool.stats().Used)
	}
}

// TestSameNameTwice: a listing contains a name twice. The second file fails,
// because both would be written to the same target.
func TestSameNameTwice(t *testing.T) {
	p, l := newLiar(t)
	l.lists["top"] = list(entryOf("a.txt", fileMode, 3), entryOf("a.txt", fileMode, 3))
	for _, o := range []Options{{}, {Atomic: true}} {
		_, err := p.get("top", filepath.Join(p.local, "t"), o)
		if tree, ok := errors.AsType[*TreeError](err); !ok || tree.Failed != 1 || tree.Report.Files != 1 || !errors.Is(err, os.ErrExist) {
			t.Error(err)
		}
		if got := read(t, filepath.Join(p.local, "t", "a.txt")); !bytes.Equal(got, []byte("abc")) {
			t.Errorf("%q", got)
		}
	}
}
