package sftp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
)

const (
	midwaySize = 8 << 20 // size of the files
	midway     = 1 << 20 // bytes before the interruption
)

var errMidway = errors.New("enough")

// reads are the ways to read a file. Each returns the data before the error, if
// the call has it.
var reads = map[string]func(ctx context.Context, p *peer, f *sftp.File) ([]byte, error){
	"read": func(_ context.Context, _ *peer, f *sftp.File) ([]byte, error) {
		return io.ReadAll(struct{ io.Reader }{f})
	},
	"writeto": func(_ context.Context, _ *peer, f *sftp.File) ([]byte, error) {
		var got bytes.Buffer
		_, err := io.Copy(&got, f)
		return got.Bytes(), err
	},
	"readat": func(_ context.Context, _ *peer, f *sftp.File) ([]byte, error) {
		got := make([]byte, midwaySize)
		_, err := f.ReadAt(got, 0)
		return nil, err
	},
	"readfile": func(ctx context.Context, p *peer, _ *sftp.File) ([]byte, error) { return p.ReadFile(ctx, "file") },
	"getto": func(ctx context.Context, p *peer, _ *sftp.File) ([]byte, error) {
		var got bytes.Buffer
		_, err := p.GetTo(ctx, "file", &got, sftp.Options{})
		return nil, err
	},
}

// writes are the ways to write a file. Each returns the number of bytes that
// are certainly written.
var writes = map[string]func(ctx context.Context, p *peer, f *sftp.File, content []byte) (int, error){
	"write": func(_ context.Context, _ *peer, f *sftp.File, content []byte) (int, error) {
		return f.Write(content)
	},
	"writeat": func(_ context.Context, _ *peer, f *sftp.File, content []byte) (int, error) {
		return f.WriteAt(content, 0)
	},
	"readfrom": func(_ context.Context, _ *peer, f *sftp.File, content []byte) (int, error) {
		n, err := f.ReadFrom(bytes.NewReader(content))
		return int(n), err
	},
	"writefile": func(ctx context.Context, p *peer, _ *sftp.File, content []byte) (int, error) {
		return 0, p.WriteFile(ctx, "file", content, 0o644)
	},
	"putfrom": func(ctx context.Context, p *peer, _ *sftp.File, content []byte) (int, error) {
		_, err := p.PutFrom(ctx, bytes.NewReader(content), "file", sftp.Options{})
		return 0, err
	},
}

// midwayFile starts a server with a file, and opens the file with ctx.
func midwayFile(t *testing.T, ctx context.Context) (*peer, *sftp.File, []byte) {
	t.Helper()
	p, content := openSSH(t), someBytes(midwaySize)
	if err := os.WriteFile(filepath.Join(p.dir, "file"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := p.OpenFile(ctx, "file", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p, f, content
}

// TestLostInTheMiddleOfARead: if the connection is lost during a read, the read
// fails with a *ConnectionLostError. The data before it is right.
func TestLostInTheMiddleOfARead(t *testing.T) {
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			p, f, content := midwayFile(t, t.Context())
			p.link.in.set(midway, p.link.cut)
			got, err := read(t.Context(), p, f)
			if _, isLost := errors.AsType[*filetransfer.ConnectionLostError](err); !isLost || !bytes.HasPrefix(content, got) || len(got) > midway {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestLostInTheMiddleOfAWrite: if the connection is lost during a write, the
// returned number of bytes is at the server.
func TestLostInTheMiddleOfAWrite(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			p, f, _ := midwayFile(t, t.Context())
			content := bytes.Repeat([]byte("other "), midwaySize/6)
			p.link.out.set(midway, p.link.cut)
			n, err := write(t.Context(), p, f, content)
			if _, isLost := errors.AsType[*filetransfer.ConnectionLostError](err); !isLost {
				t.Errorf("%v", err)
			}
			if got, err := os.ReadFile(filepath.Join(p.dir, "file")); err != nil || n >= len(content) || len(got) < n || !bytes.Equal(got[:n], content[:n]) {
				t.Errorf("%d bytes are said to be written: %d there, %v", n, len(got), err)
			}
			if s := sftp.PoolStats(); s.Used != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestContextEndsInTheMiddle: the context ends during a read or a write, while
// the server is silent. The call and Close return the cause of the context.
func TestContextEndsInTheMiddle(t *testing.T) {
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			p, f, content := midwayFile(t, ctx)
			var speak func()
			p.link.in.set(midway, func() {
				speak = p.link.hush()
				cancel(errMidway)
			})
			got, err := read(ctx, p, f)
			if !errors.Is(err, errMidway) || !bytes.HasPrefix(content, got) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			endMidway(t, p, f, speak)
		})
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			p, f, content := midwayFile(t, ctx)
			var speak func()
			p.link.out.set(midway, func() {
				speak = p.link.hush()
				cancel(errMidway)
			})
			n, err := write(ctx, p, f, content)
			clear(content) // the race detector reports a late read of content
			if !errors.Is(err, errMidway) || n >= len(content) {
				t.Errorf("%d bytes, %v", n, err)
			}
			endMidway(t, p, f, speak)
		})
	}
}

// endMidway closes a file whose context has ended, and lets the server answer
// again. The session must still work.
func endMidway(t *testing.T, p *peer, f *sftp.File, speak func()) {
	t.Helper()
	if err := f.Close(); !errors.Is(err, errMidway) {
		t.Errorf("closed: %v", err)
	}
	speak()
	if _, err := p.Stat(t.Context(), "file"); err != nil {
		t.Error(err)
	}
	if n := openAtServer(t, p); n != 0 {
		t.Errorf("the server has the file open %d times", n)
	}
	if s := sftp.PoolStats(); s.Used != 0 {
		t.Errorf("%+v", s)
	}
}

// TestTransferStoppedMidway: a cancelled transfer keeps its partial file, and
// the next transfer resumes it.
func TestTransferStoppedMidway(t *testing.T) {
	dir := t.TempDir()
	local := filepath.Join(dir, "local")
	content := someBytes(midwaySize)
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := errors.Join(os.WriteFile(local, content, 0o644), os.Chtimes(local, past, past)); err != nil {
		t.Fatal(err)
	}
	p := openSSH(t)
	for _, tt := range []struct {
		name string
		trip *trip
		do   func(ctx context.Context, o sftp.Options) (sftp.Report, error)
		at   string
	}{
		{"put", &p.link.out, func(ctx context.Context, o sftp.Options) (sftp.Report, error) {
			return p.Put(ctx, local, "remote", o)
		}, p.dir + "/remote"},
		{"get", &p.link.in, func(ctx context.Context, o sftp.Options) (sftp.Report, error) {
			return p.Get(ctx, "remote", dir+"/back", o)
		}, dir + "/back"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		tt.trip.set(midway, func() { cancel(errMidway) })
		if _, err := tt.do(ctx, sftp.Options{Resume: true}); !errors.Is(err, errMidway) {
			t.Fatalf("%s: %v", tt.name, err)
		}
		parts, _ := filepath.Glob(filepath.Join(filepath.Dir(tt.at), ".*.part"))
		if len(parts) != 1 {
			t.Fatalf("%s: %q", tt.name, parts)
		}
		part, err := os.ReadFile(parts[0])
		if err != nil || len(part) == 0 || tt.name == "get" && !bytes.HasPrefix(content, part) {
			t.Errorf("%s: %d bytes, %v", tt.name, len(part), err)
		}
		begin := len(part)
		if tt.name == "put" {
			begin = max(0, begin-len(content)/4)
		}
		report, err := tt.do(t.Context(), sftp.Options{Resume: true})
		if whole, readErr := os.ReadFile(tt.at); err != nil || readErr != nil || report.Bytes != int64(len(content)-begin) || !bytes.Equal(whole, content) {
			t.Errorf("%s, resumed: %+v, %v, %v", tt.name, report, err, readErr)
		}
	}
}

// TestReadAheadIsBounded: a slow reader of a large file has at most about 4 MiB
// read ahead.
func TestReadAheadIsBounded(t *testing.T) {
	p := openSSH(t)
	if err := errors.Join(os.WriteFile(filepath.Join(p.dir, "file"), nil, 0o644), os.Truncate(filepath.Join(p.dir, "file"), 1<<32)); err != nil {
		t.Fatal(err)
	}
	f, err := p.Open(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begin, taken := p.link.in.bytes(), int64(0)
	buf := make([]byte, 100_000)
	for range 100 {
		n, err := io.ReadFull(f, buf)
		if err != nil {
			t.Fatal(err)
		}
		taken += int64(n)
		if taken%1_000_000 != 0 {
			continue
		}
		if _, err := p.Stat(t.Context(), "file"); err != nil { // the server replies in order, so the reads before are answered
			t.Fatal(err)
		}
		if ahead := p.link.in.bytes() - begin - taken; ahead > 4<<20+64<<10 {
			t.Fatalf("%d bytes ahead", ahead)
		}
	}
}
