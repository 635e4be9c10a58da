package filetransfer_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
)

// echo is a transport that answers each request at once with the frame reply.
type echo struct {
	client *filetransfer.FileTransferClient
	reply  []byte // a frame; Write sets the request id; nil: no answer
}

func (e *echo) LoseConnection() {}

func (e *echo) Write(p []byte) {
	reply := e.reply
	switch p[4] {
	case 1: // SSH_FXP_INIT
		e.client.DataReceived(versionWithLimits)
		return
	case 200: // SSH_FXP_EXTENDED: the limits
		reply = frame(201, slices.Repeat([]byte{0, 0, 0, 0, 0, 4, 0, 0}, 4)...) // 256 KiB each
	}
	copy(reply[5:9], p[5:9])
	e.client.DataReceived(reply)
}

// versionWithLimits is the SSH_FXP_VERSION of a server that states its limits.
var versionWithLimits = append([]byte{0, 0, 0, 32, 2, 0, 0, 0, 3, 0, 0, 0, 18}, "limits@openssh.com\x00\x00\x00\x011"...)

func frame(typ byte, body ...byte) []byte {
	p := binary.BigEndian.AppendUint32(nil, uint32(5+len(body)))
	return append(append(p, typ, 0, 0, 0, 0), body...)
}

// BenchmarkRequest measures a request and its reply without a transport:
// encoding, registering, framing, decoding and firing the Deferred.
func BenchmarkRequest(b *testing.B) {
	server := new(echo)
	c := filetransfer.NewFileTransferClient()
	server.client = c
	c.MakeConnection(server)

	b.Run("stat", func(b *testing.B) {
		server.reply = frame(105, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 129, 164, 0, 0, 0, 4, 0, 0, 0, 5)
		b.ReportAllocs()
		for b.Loop() {
			attrs, err, ok := c.GetAttrs("/some/where/file", true).Result()
			if !ok || err != nil || attrs.Size != 1 {
				b.Fatal(attrs, err, ok)
			}
		}
	})
	server.reply = frame(102, 0, 0, 0, 1, 'h')
	f, _, _ := c.OpenFile("file", filetransfer.FXFRead, filetransfer.Attrs{}).Result()
	for _, size := range []int{4 << 10, 32 << 10, 255 << 10} {
		b.Run(fmt.Sprintf("read/size=%d", size), func(b *testing.B) {
			server.reply = frame(103, append(binary.BigEndian.AppendUint32(nil, uint32(size)), make([]byte, size)...)...)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				data, err, ok := f.ReadChunk(0, uint32(size)).Result()
				if !ok || err != nil || len(data) != size {
					b.Fatal(len(data), err, ok)
				}
			}
		})
		b.Run(fmt.Sprintf("write/size=%d", size), func(b *testing.B) {
			server.reply = frame(101, make([]byte, 12)...)
			data := make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err, ok := f.WriteChunk(0, data).Result(); !ok || err != nil {
					b.Fatal(err, ok)
				}
			}
		})
	}
}

// BenchmarkStat keeps 64 stat requests in flight to OpenSSH's sftp-server, over
// pipes.
func BenchmarkStat(b *testing.B) {
	const outstanding = 64
	b.Run(fmt.Sprintf("outstanding=%d/client=hawser", outstanding), func(b *testing.B) { benchStatHawser(b, outstanding) })
	b.Run(fmt.Sprintf("outstanding=%d/client=pkg-sftp", outstanding), func(b *testing.B) { benchStatPkg(b, outstanding) })
}

func benchStatHawser(b *testing.B, outstanding int) {
	s := startOpenSSH(b)
	must(s, s.RealPath("."))
	b.ReportAllocs()
	b.ResetTimer()
	asked, answered := 0, 0
	var ask func()
	ask = func() {
		if asked == b.N {
			return
		}
		asked++
		s.GetAttrs("/", true).AddBoth(func(a filetransfer.Attrs, err error) (filetransfer.Attrs, error) {
			if err != nil {
				b.Error(err)
			}
			answered++
			ask()
			return a, nil
		})
	}
	for range outstanding {
		ask()
	}
	for answered < b.N {
		p, ok := <-s.in
		if !ok {
			b.Fatal("the server is gone")
		}
		s.DataReceived(p)
	}
}

func benchStatPkg(b *testing.B, goroutines int) {
	server := exec.Command(conchtest.Program(b, "sftp-server"))
	w, err := server.StdinPipe()
	r, err2 := server.StdoutPipe()
	if err := errors.Join(err, err2, server.Start()); err != nil {
		b.Fatal(err)
	}
	client, err := sftp.NewClientPipe(io.Reader(r), w)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer client.Close()
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() { // ends when left is below 0
			for left.Add(-1) >= 0 {
				if _, err := client.Stat("/"); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}
