package filetransfer_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

// listing is a server for the listing of a directory with n files. Like
// OpenSSH's server it sends 100 entries in each reply.
type listing struct{ next, n int }

// reply returns the reply to a request. Both are without their length.
func (l *listing) reply(request []byte) []byte {
	typ, id := request[0], request[1:5]
	answer := func(typ byte, body ...byte) []byte { return append(append([]byte{typ}, id...), body...) }
	str := func(p []byte, s string) []byte { return append(binary.BigEndian.AppendUint32(p, uint32(len(s))), s...) }
	switch typ {
	case 1: // SSH_FXP_INIT
		return []byte{2, 0, 0, 0, 3}
	case 11: // SSH_FXP_OPENDIR
		return answer(102, 0, 0, 0, 1, 'D')
	case 12: // SSH_FXP_READDIR
		if l.next == l.n {
			return answer(101, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
		}
		count := min(100, l.n-l.next)
		p := binary.BigEndian.AppendUint32(answer(104), uint32(count))
		for range count {
			name := fmt.Sprintf("file%06d", l.next)
			p = str(str(p, name), fmt.Sprintf("-rw-r--r--    1 user     users    %8d Nov 29 12:00 %s", l.next%l.n, name))
			p = append(p, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 3, 0xe8, 0, 0, 3, 0xe8, 0, 0, 0x81, 0xa4, 1, 2, 3, 4, 1, 2, 3, 4)
			l.next++
		}
		return p
	default: // SSH_FXP_CLOSE
		return answer(101, make([]byte, 12)...)
	}
}

// serve answers requests until the client closes.
func (l *listing) serve(r io.Reader, w io.Writer) {
	for {
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return
		}
		request := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(r, request); err != nil {
			return
		}
		p := l.reply(request)
		if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...)); err != nil {
			return
		}
	}
}

// held returns the result of f and the number of bytes that the result uses.
func held[T any](f func() T) (T, int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // frees memory with a finalizer too
	runtime.ReadMemStats(&before)
	v := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return v, int(after.HeapAlloc - before.HeapAlloc)
}

// F12: a listing uses no more memory than the same listing in pkg/sftp.
func TestF12_MemoryOfAListing(t *testing.T) {
	const n = 100_000
	requests, toServer := io.Pipe()
	fromServer, replies := io.Pipe()
	go (&listing{n: n}).serve(requests, replies)
	other, err := sftp.NewClientPipe(fromServer, toServer)
	if err != nil {
		t.Fatal(err)
	}
	infos, theirs := held(func() any {
		infos, err := other.ReadDir("/")
		if err != nil || len(infos) != n {
			t.Errorf("%d entries, %v", len(infos), err)
		}
		return infos
	})
	_ = toServer.Close()
	_ = replies.Close()
	_ = other.Close()

	server := &loop{listing: listing{n: n}}
	server.client = filetransfer.NewFileTransferClient()
	server.client.MakeConnection(server)
	d, _, ok := server.client.OpenDirectory("/").Result()
	if !ok {
		t.Fatal("no directory")
	}
	entries, ours := held(func() []filetransfer.Entry {
		entries, err, _ := d.ReadAll().Result()
		if err != nil || len(entries) != n {
			t.Errorf("%d entries, %v", len(entries), err)
		}
		return entries
	})
	t.Logf("%d bytes for each entry, pkg/sftp %d", ours/n, theirs/n)
	if ours > theirs {
		t.Errorf("%d bytes, pkg/sftp %d", ours, theirs)
	}
	runtime.KeepAlive(infos)
	runtime.KeepAlive(entries)
}

// loop is a transport that delivers the reply from inside Write.
type loop struct {
	listing
	client *filetransfer.FileTransferClient
}

func (l *loop) LoseConnection() {}

func (l *loop) Write(p []byte) {
	answer := l.reply(p[4:])
	l.client.DataReceived(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
}
