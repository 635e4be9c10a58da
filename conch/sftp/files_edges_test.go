package sftp_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// taciturn is a server that lists names without attributes. A name with a dot
// is a file, any other name a directory.
type taciturn struct {
	r       *reactor.Reactor
	client  *filetransfer.FileTransferClient
	names   map[string][]string // names in each directory
	handles map[string]string
	removed []string
}

func (s *taciturn) LoseConnection() {}

func (s *taciturn) Write(p []byte) {
	d := wire.NewDecoder(p[4:])
	typ := d.Uint8()
	if typ == 1 { // init
		s.reply(2, 3, func(*wire.Encoder) {})
		return
	}
	id, name := d.Uint32(), d.String()
	s.r.CallFromThread(func() { s.answer(typ, id, name) })
}

func (s *taciturn) answer(typ uint8, id uint32, name string) {
	status := func(code uint32) { s.reply(101, id, func(e *wire.Encoder) { e.Uint32(code) }) }
	switch typ {
	case 11: // opendir
		handle := fmt.Sprint(len(s.handles))
		s.handles[handle] = name
		s.reply(102, id, func(e *wire.Encoder) { e.String(handle) })
	case 12: // readdir
		names := s.names[s.handles[name]]
		if s.handles[name] = ""; names == nil {
			status(1)
			return
		}
		s.reply(104, id, func(e *wire.Encoder) {
			e.Uint32(uint32(len(names)))
			for _, name := range names {
				e.String(name)
				e.String("")
				e.Uint32(0)
			}
		})
	case 7, 17: // lstat, stat
		if strings.Contains(name, "gone") {
			status(2)
			return
		}
		mode := uint32(0o040755)
		if strings.Contains(name, ".") {
			mode = 0o100644
		}
		s.reply(105, id, func(e *wire.Encoder) { e.Uint32(4); e.Uint32(mode) })
	case 13, 15: // remove, rmdir
		s.removed = append(s.removed, fmt.Sprint(typ, " ", name))
		status(0)
	default: // close
		status(0)
	}
}

func (s *taciturn) reply(typ uint8, id uint32, body func(*wire.Encoder)) {
	e := wire.NewEncoder(make([]byte, 4))
	e.Uint8(typ)
	e.Uint32(id)
	body(&e)
	binary.BigEndian.PutUint32(e.Data(), uint32(len(e.Data())-4))
	s.client.DataReceived(e.Data())
}

// TestListingsWithoutAttributes: Walk and RemoveAll request the attributes of
// entries that were listed without attributes.
func TestListingsWithoutAttributes(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	s := &taciturn{r: r, client: filetransfer.NewFileTransferClient(), handles: make(map[string]string),
		names: map[string][]string{"top": {"sub", "a.txt", "gone", ".", ".."}, "top/sub": {"b.txt"}}}
	await := func(ctx context.Context, f func() deferred.Deferred[struct{}]) error {
		_, err := reactor.Await(ctx, r, f)
		return err
	}
	err := await(t.Context(), func() deferred.Deferred[struct{}] {
		s.client.MakeConnection(s)
		return deferred.Succeed(struct{}{})
	})
	if err != nil {
		t.Fatal(err)
	}
	files := sftp.New(s.client, r).Files()
	var seen []string
	for e, err := range files.Walk(t.Context(), "top") {
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, fmt.Sprint(e.Path, " ", e.Attrs.FileMode().IsDir()))
	}
	if want := []string{"top true", "top/a.txt false", "top/sub true", "top/sub/b.txt false"}; !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
	if err := files.RemoveAll(t.Context(), "top"); err != nil {
		t.Error(err)
	}
	if want := []string{"13 top/a.txt", "13 top/sub/b.txt", "15 top/sub", "15 top"}; !slices.Equal(s.removed, want) {
		t.Errorf("%q", s.removed)
	}
}
