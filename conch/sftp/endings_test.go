package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// meddler is a transport between a client and a liar. If meddle returns true,
// the liar does not receive the request.
type meddler struct {
	*liar
	meddle func(typ uint8, id uint32, d *wire.Decoder) bool
}

func (m *meddler) Write(p []byte) {
	d := wire.NewDecoder(p[4:])
	typ, id := d.Uint8(), d.Uint32()
	if typ == 1 || !m.meddle(typ, id, &d) {
		m.liar.Write(p)
	}
}

// newMeddler returns a peer with a liar behind a meddler.
func newMeddler(t *testing.T, meddle func(l *liar, typ uint8, id uint32, d *wire.Decoder) bool) (*peer, *liar) {
	p, l := newLiar(t)
	onLoop(p, func() {
		l.stat = func(name string) (filetransfer.Attrs, bool) { return filetransfer.Attrs{}, false }
		l.client = filetransfer.NewFileTransferClient()
		l.client.MakeConnection(&meddler{l, func(typ uint8, id uint32, d *wire.Decoder) bool { return meddle(l, typ, id, d) }})
		p.Client = New(l.client, p.r)
	})
	return p, l
}

// later sends a reply in the next iteration of the loop.
func (l *liar) later(typ uint8, id uint32, body func(*wire.Encoder)) bool {
	l.r.CallFromThread(func() { l.reply(typ, id, body) })
	return true
}

const (
	typeOpen     = 3
	typeClose    = 4
	typeWrite    = 6
	typeLstat    = 7
	typeFsetstat = 10
	typeStat     = 17
	typeReadlink = 19
)

// TestSilentServerDuringAnUpload: the server stops answering during an upload.
// The upload fails with ErrStalled, although the requests to clean up get no
// reply either.
func TestSilentServerDuringAnUpload(t *testing.T) {
	for _, o := range []Options{{}, {Atomic: true, Exclusive: true}, {Preserve: true}} {
		for _, size := range []int{100, 5 * chunkSize} {
			t.Run(fmt.Sprintf("atomic %v, preserve %v, %d bytes", o.Atomic, o.Preserve, size), func(t *testing.T) {
				p, _ := newMeddler(t, func(_ *liar, typ uint8, _ uint32, _ *wire.Decoder) bool {
					return typ == typeWrite || typ == typeFsetstat
				})
				p.loop = &impatientLoop{p.loop}
				source := write(t, filepath.Join(p.local, "source"), someBytes(size, 1))
				o.StallTimeout = 20 * time.Millisecond
				if _, err := p.put(source, "new", o); !errors.Is(err, ErrStalled) {
					t.Error(err)
				}
			})
		}
	}
}

// impatientLoop is a loop that shortens drainTimeout.
type impatientLoop struct{ loop }

func (l *impatientLoop) AfterFunc(d time.Duration, f func()) func() bool {
	if d == drainTimeout {
		d = 20 * time.Millisecond
	}
	return l.loop.AfterFunc(d, f)
}

// TestCancelWhileTheTargetIsLookedAt: an upload is cancelled while a request is
// in flight. It sends no further request, and no error but the cancellation is
// returned.
func TestCancelWhileTheTargetIsLookedAt(t *testing.T) {
	for _, tt := range []struct {
		typ uint8
		nth int
		o   Options
	}{
		{typeStat, 2, Options{Resume: true}},
		{typeStat, 3, Options{Resume: true}},
		{typeStat, 3, Options{Resume: true, Atomic: true}},
		{typeOpen, 1, Options{Exclusive: true}},
		{typeLstat, 1, Options{Exclusive: true, Atomic: true}},
		{typeOpen, 1, Options{Exclusive: true, Atomic: true}},
	} {
		t.Run(fmt.Sprintf("request of type %d, atomic %v", tt.typ, tt.o.Atomic), func(t *testing.T) {
			var d deferred.Deferred[Report]
			var p *peer
			seen, after := 0, 0
			p, _ = newMeddler(t, func(l *liar, typ uint8, _ uint32, _ *wire.Decoder) bool {
				if seen == tt.nth {
					after++
				} else if typ == tt.typ {
					if seen++; seen == tt.nth {
						l.r.CallLater(0, func() { d.Cancel() })
						return true
					}
				}
				return false
			})
			source := write(t, filepath.Join(p.local, "source"), someBytes(5*chunkSize, 1))
			_, err := await(p, func() deferred.Deferred[Report] {
				d = p.Put(source, "new", tt.o)
				return d
			})
			if !errors.Is(err, deferred.ErrCancelled) || errors.Is(err, fs.ErrExist) || after > 0 {
				t.Errorf("%v, and %d requests", err, after)
			}
		})
	}
}

// TestCancelFromProgress: a Progress function may cancel the transfer. It is
// not called again after the final call.
func TestCancelFromProgress(t *testing.T) {
	p, l := newLiar(t)
	l.silent = true
	calls, final := 0, 0
	var d deferred.Deferred[Report]
	_, err := await(p, func() deferred.Deferred[Report] {
		d = p.Get("x.txt", filepath.Join(p.local, "x"), Options{Progress: func(now Progress) {
			calls++
			if now.Final {
				final = calls
				return
			}
			d.Cancel()
		}})
		return d
	})
	if !errors.Is(err, deferred.ErrCancelled) {
		t.Error(err)
	}
	later := deferred.New[struct{}]()
	onLoop(p, func() { p.r.CallLater(20*time.Millisecond, func() { later.Callback(struct{}{}) }) })
	must(p, func() deferred.Deferred[struct{}] { return later })
	onLoop(p, func() {
		if final != calls || calls != 2 {
			t.Errorf("%d calls, the final one was number %d", calls, final)
		}
	})
}

// onceMore is a reader that returns data again after io.EOF, as a terminal
// does.
type onceMore struct {
	parts []string
	reads int
}

func (r *onceMore) Read(p []byte) (int, error) {
	r.reads++
	if len(r.parts) == 0 || r.parts[0] == "" {
		r.parts = r.parts[min(1, len(r.parts)):]
		return 0, io.EOF
	}
	n := copy(p, r.parts[0])
	r.parts[0] = r.parts[0][n:]
	return n, nil
}

func TestReaderIsNotReadAfterItsEnd(t *testing.T) {
	p := openSSH(t)
	r := &onceMore{parts: []string{"first", "second", "third"}}
	report, err := await(p, func() deferred.Deferred[Report] { return p.PutFrom(r, "target", Options{}) })
	if err != nil || report.Bytes != 5 || string(read(t, filepath.Join(p.dir, "target"))) != "first" || r.reads != 2 {
		t.Errorf("%+v, %v, %d reads", report, err, r.reads)
	}
}
