package sftp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	pkgsftp "github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sftptest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// jungle is a server on which all directories have the same listing, which
// repeats the same batch of entries. It measures the memory of the process
// while it answers.
type jungle struct {
	r       *reactor.Reactor
	client  *filetransfer.FileTransferClient
	batch   []byte         // the body of a NAME reply
	batches int            // number of batches in each directory; 0: endless
	read    map[string]int // number of batches read from each open directory
	opened  int
	answers int
	limit   int // number of answers after which over is called
	over    func()
	most    int64 // greatest number of bytes in use
}

func newJungle(entries []filetransfer.Entry, batches, limit int) *jungle {
	e := wire.NewEncoder(nil)
	e.Uint32(uint32(len(entries)))
	for _, entry := range entries {
		e.String(entry.Filename)
		e.String(entry.Longname())
		encode(&e, entry.Attrs)
	}
	return &jungle{batch: e.Data(), batches: batches, limit: limit, read: make(map[string]int)}
}

func (j *jungle) LoseConnection() {}

func (j *jungle) Write(p []byte) {
	d := wire.NewDecoder(p[4:])
	typ := d.Uint8()
	id := d.Uint32()
	if typ == 1 {
		j.reply(2, 3, nil)
		return
	}
	arg := ""
	if typ == 4 || typ == 12 {
		arg = d.String()
	}
	j.r.CallFromThread(func() { j.answer(typ, id, arg) })
}

func (j *jungle) answer(typ uint8, id uint32, handle string) {
	if j.answers++; j.answers%100 == 0 {
		j.most = max(j.most, inUse())
	}
	if j.answers == j.limit {
		j.over()
	}
	switch typ {
	case 4: // close
		delete(j.read, handle)
		j.reply(101, id, make([]byte, 12))
	case 11: // opendir
		j.opened++
		handle = fmt.Sprint(j.opened)
		j.read[handle] = 0
		e := wire.NewEncoder(nil)
		e.String(handle)
		j.reply(102, id, e.Data())
	case 12: // readdir
		if j.read[handle]++; j.batches > 0 && j.read[handle] > j.batches {
			j.reply(101, id, []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
			return
		}
		j.reply(104, id, j.batch)
	case 7, 17: // lstat, stat: the root
		e := wire.NewEncoder(nil)
		encode(&e, attrs(dirMode, 0))
		j.reply(105, id, e.Data())
	default: // no file can be opened, and no entry removed
		j.reply(101, id, []byte{0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (j *jungle) reply(typ uint8, id uint32, body []byte) {
	p := binary.BigEndian.AppendUint32(nil, uint32(5+len(body)))
	p = append(p, typ)
	p = binary.BigEndian.AppendUint32(p, id)
	j.client.DataReceived(append(p, body...))
}

// inUse returns the number of reachable bytes of the heap.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// inUseBefore is inUse at the start of a measurement. It waits until what
// earlier tests have left is gone: a sync.Pool keeps its content for one more
// collection, and so does an object with a finalizer.
func inUseBefore() int64 {
	now := inUse()
	for range 10 {
		last := now
		if now = inUse(); now > last-64<<10 {
			break
		}
	}
	return now
}

// emptyDisk is a disk that accepts every Mkdir but makes no directory. No file
// can be opened.
type emptyDisk struct{ disk }

func (emptyDisk) Mkdir(string, fs.FileMode) error { return nil }
func (emptyDisk) OpenFile(string, int, fs.FileMode) (file, error) {
	return nil, os.ErrPermission
}

// jungles are trees that do not fit into memory. Without HAWSER_LONG each is
// tested only with the operations that need the most memory for it.
var jungles = []struct {
	name    string
	entries []filetransfer.Entry
	batches int
	hard    string
}{
	{"500 directories in each directory", many(500, "directory%03d", true), 1, "get"},
	{"500 directories with names of 250 bytes", many(500, strings.Repeat("n", 247)+"%03d", true), 1, "walk removeall"},
	{"names of 64 KiB", many(3, strings.Repeat("n", 64<<10)+"%d", true), 160, "glob list"},
	{"a directory without end, of files", many(1500, "file%04d", false), 0, "readdir removeall"},
	{"a directory without end, of directories", many(1500, "directory%04d", true), 0, "get walk"},
	{"a directory without end, of both", append(many(500, "file%04d", false), many(100, "directory%04d", true)...), 0, "get"},
	{"short names, many in a packet", many(9000, "%04d", true), 0, "get"},
	{"no names", many(9000, ".", false), 0, "get walk readdir glob removeall list"},
}

func many(n int, format string, dir bool) (entries []filetransfer.Entry) {
	for i := range n {
		mode := uint32(fileMode | 0o644)
		if dir {
			mode = dirMode | 0o755
		}
		name := format
		if strings.Contains(format, "%") {
			name = fmt.Sprintf(format, i)
		}
		entries = append(entries, entryOf(name, mode, 0))
	}
	return entries
}

var listings = map[string]func(ctx context.Context, p *peer) error{
	"get": func(ctx context.Context, p *peer) error {
		p.disk = func(d disk) disk { return emptyDisk{d} }
		_, err := p.Files().Get(ctx, "top", p.local, Options{Preserve: true, Atomic: true})
		return err
	},
	"walk": func(ctx context.Context, p *peer) error {
		for _, err := range p.Files().Walk(ctx, "top") {
			if err != nil && !errors.Is(err, ErrTooDeep) && !errors.Is(err, filetransfer.ErrTooManyEntries) {
				return err
			}
		}
		return nil
	},
	"removeall": func(ctx context.Context, p *peer) error { return p.Files().RemoveAll(ctx, "top") },
	"glob": func(ctx context.Context, p *peer) error {
		_, err := p.Files().Glob(ctx, "top/*/*/*/*/*/*")
		return err
	},
	"readdir": func(ctx context.Context, p *peer) error {
		_, err := p.Files().ReadDir(ctx, "top")
		return err
	},
	"list": func(ctx context.Context, p *peer) error {
		_, err := p.Files().List(ctx, "top")
		return err
	},
}

// TestF12_Memory: an operation on a huge tree has less than 64 MiB in use. It
// ends or can be cancelled, and every directory is closed.
func TestF12_Memory(t *testing.T) {
	long := os.Getenv("HAWSER_LONG") != "" && !sshtest.RaceDetector
	limit := 600
	if long {
		limit = 3000
	}
	for name, do := range listings {
		for _, tree := range jungles {
			if !long && !slices.Contains(strings.Fields(tree.hard), name) {
				continue
			}
			t.Run(name+"/"+tree.name, func(t *testing.T) {
				j := newJungle(tree.entries, tree.batches, limit)
				p := newJunglePeer(t, j)
				before := inUseBefore()
				ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("it takes too long"))
				defer cancel()
				ctx, j.over = context.WithCancel(ctx)
				defer j.over()
				err := do(ctx, p)
				if ctx.Err() != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("after %d answers: %v", j.answers, err)
				}
				for open := 1; open > 0; {
					onLoop(p, func() { open = len(j.read) })
				}
				if j.most > before+64<<20 {
					t.Errorf("%d MiB were in use", (j.most-before)>>20)
				}
				if testing.Verbose() {
					t.Logf("%d answers, %d MiB, %.100v", j.answers, (j.most-before)>>20, err)
				}
			})
		}
	}
}

func newJunglePeer(t *testing.T, j *jungle) *peer {
	p := &peer{t: t, local: t.TempDir()}
	reactortest.CheckGoroutines(t)
	p.r = reactortest.Start(t, reactor.Options{})
	j.r, j.client = p.r, filetransfer.NewFileTransferClient()
	onLoop(p, func() {
		j.client.MakeConnection(j)
		p.Client = New(j.client, p.r)
	})
	return p
}

// fileList is a directory with that number of files. It is also the FileInfo of
// each file.
type fileList int

func (n fileList) Filelist(*pkgsftp.Request) (pkgsftp.ListerAt, error) { return n, nil }

func (n fileList) ListAt(list []fs.FileInfo, offset int64) (int, error) {
	count := min(len(list), int(n)-int(offset))
	for i := range count {
		list[i] = fileList(int(offset) + i)
	}
	if count < len(list) {
		return count, io.EOF
	}
	return count, nil
}

func (n fileList) Name() string       { return fmt.Sprintf("file%06d", int(n)) }
func (n fileList) Size() int64        { return int64(n) }
func (n fileList) Mode() fs.FileMode  { return 0o644 }
func (n fileList) ModTime() time.Time { return time.Unix(int64(n), 0) }
func (n fileList) IsDir() bool        { return false }
func (n fileList) Sys() any           { return nil }

// TestF12_ListingTakesNoMoreThanPkgSFTP: the result of ReadDir for 100,000
// entries uses no more memory than the result of pkg/sftp.
func TestF12_ListingTakesNoMoreThanPkgSFTP(t *testing.T) {
	const entries = 100_000
	serve := func(rwc io.ReadWriteCloser) error {
		h := pkgsftp.InMemHandler()
		h.FileList = fileList(entries)
		return pkgsftp.NewRequestServer(rwc, h).Serve()
	}
	p := newPeer(t, func(testing.TB, string) (sftptest.Server, error) { return sftptest.Serve(serve), nil })
	measure := func(list func() (any, int, error)) int64 {
		before := inUseBefore()
		result, n, err := list()
		if err != nil || n != entries {
			t.Fatalf("%d entries, %v", n, err)
		}
		after := inUse()
		runtime.KeepAlive(result)
		return after - before
	}
	ours := measure(func() (any, int, error) {
		list, err := p.Files().ReadDir(t.Context(), "/")
		return list, len(list), err
	})
	server := sftptest.Serve(serve)
	c, err := pkgsftp.NewClientPipe(server.Out, server.In)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	theirs := measure(func() (any, int, error) {
		list, err := c.ReadDir("/")
		return list, len(list), err
	})
	t.Logf("%d bytes for an entry; pkg/sftp %d", ours/entries, theirs/entries)
	if ours > theirs {
		t.Errorf("%d bytes; pkg/sftp takes %d", ours, theirs)
	}
}
