package sftp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// TestF12_ReadAheadOfManyFiles: the data of all files that are read ahead fits
// into the pool and one slot for each file.
func TestF12_ReadAheadOfManyFiles(t *testing.T) {
	p := openSSH(t)
	name := filepath.Join(p.dir, "file")
	if err := errors.Join(os.WriteFile(name, nil, 0o644), os.Truncate(name, 1<<30)); err != nil {
		t.Fatal(err)
	}
	const many = 60
	var files [many]*sftp.File
	for i := range files {
		f, err := p.Open(t.Context(), "file")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	buf := make([]byte, 100_000)
	for range 5 {
		for _, f := range files {
			if _, err := io.ReadFull(f, buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := sftp.PoolStats(); s.Held > s.Size || s.Used > s.Size {
		t.Errorf("%+v", s)
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if s := sftp.PoolStats(); s.Used != 0 {
		onLoop(t, p, func() {}) // the readers stop on the loop
		if s = sftp.PoolStats(); s.Used != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestF2_StripedFiles: io.Copy of a large file uses further channels at servers
// that are known to support them.
func TestF2_StripedFiles(t *testing.T) {
	content := someBytes(20<<20 + 3)
	for _, version := range []string{"SSH-2.0-OpenSSH_9.9", "SSH-2.0-Other"} {
		t.Run(version, func(t *testing.T) {
			s := oddserver.New(oddserver.Oddities{})
			p := connectOddly(t, s, version)
			f, err := p.Create(t.Context(), "/file")
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(f, struct {
				io.Reader
				sized
			}{bytes.NewReader(content), sized(len(content))})
			if err := errors.Join(err, f.Close()); err != nil || n != int64(len(content)) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if info, _ := s.Lstat("/file"); !bytes.Equal(info.Data, content) {
				t.Errorf("%d bytes arrived", len(info.Data))
			}
			if got := sessionsOf(s, oddserver.WRITE); (got > 1) != (version == "SSH-2.0-OpenSSH_9.9") {
				t.Errorf("%d channels for writing", got)
			}
			f, err = p.Open(t.Context(), "/file")
			if err != nil {
				t.Fatal(err)
			}
			var back bytes.Buffer
			_, err = io.Copy(&back, f)
			if err := errors.Join(err, f.Close()); err != nil || !bytes.Equal(back.Bytes(), content) {
				t.Errorf("%d bytes came back, %v", back.Len(), err)
			}
			if got := sessionsOf(s, oddserver.READ); (got > 1) != (version == "SSH-2.0-OpenSSH_9.9") {
				t.Errorf("%d channels for reading", got)
			}
			if n := s.Handles(); n != 0 {
				t.Errorf("%d handles are open", n)
			}
		})
	}
}

// sized adds Len, the number of remaining bytes, to a reader.
type sized int

func (s sized) Len() int { return int(s) }

// sessionsOf returns the number of sessions with a request of the given type.
func sessionsOf(s *oddserver.Server, kind byte) int {
	sessions := make(map[int]bool)
	for _, r := range s.Log() {
		if r.Type == kind {
			sessions[r.Session] = true
		}
	}
	return len(sessions)
}

// TestF14_EverythingIsReachable: Call runs operations that Files has no method
// for, on paths and on open files.
func TestF14_EverythingIsReachable(t *testing.T) {
	p := openSSH(t)
	ctx := t.Context()
	if err := p.WriteFile(ctx, "from", []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	from, err := p.Open(ctx, "from")
	to, err2 := p.Create(ctx, "to")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	name := "root"
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	type session = *filetransfer.FileTransferClient
	type status = deferred.Deferred[filetransfer.Status]
	report := func(op string, err error) {
		if err != nil && !errors.Is(err, errors.ErrUnsupported) { // older servers lack some extensions
			t.Errorf("%s: %v", op, err)
		}
	}
	_, err = sftp.Call(ctx, p.Files, func(session) status { return from.ClientFile().CopyData(0, 0, to.ClientFile(), 0) })
	report("copy-data", err)
	_, err = sftp.Call(ctx, p.Files, func(session) deferred.Deferred[filetransfer.StatVFS] { return from.ClientFile().StatVFS() })
	report("fstatvfs", err)
	_, err = sftp.Call(ctx, p.Files, func(c session) deferred.Deferred[string] { return c.ExpandPath("~") })
	report("expand-path", err)
	_, err = sftp.Call(ctx, p.Files, func(c session) deferred.Deferred[string] { return c.HomeDirectory(name) })
	report("home-directory", err)
	_, err = sftp.Call(ctx, p.Files, func(c session) status {
		return c.SetLinkAttrs("from", filetransfer.Attrs{}.WithOwner(uint32(os.Getuid()), uint32(os.Getgid())))
	})
	report("lsetstat", err)
	_, err = sftp.Call(ctx, p.Files, func(c session) deferred.Deferred[filetransfer.Names] { return c.UsersGroupsByID([]uint32{0}, nil) })
	report("users-groups-by-id", err)
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Error(err)
	}
	entries, err := p.List(ctx, ".")
	if err != nil || len(entries) != 2 || entries[0].Longname() == "" {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestF1_AbandonedCopy: after a cancelled copy the file is closed when all
// writes are answered, so that no write is late.
func TestF1_AbandonedCopy(t *testing.T) {
	written := make(chan struct{}, 1000)
	p, s := atOdd(t, oddserver.Oddities{Park: func(r oddserver.Request) bool {
		if r.Type == oddserver.WRITE {
			written <- struct{}{}
		}
		return r.Type == oddserver.WRITE
	}})
	ctx, cancel := context.WithCancelCause(t.Context())
	f, err := p.Create(ctx, "/file")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		n, err := io.Copy(f, struct{ io.Reader }{bytes.NewReader(someBytes(2 << 20))})
		if n != 0 || !errors.Is(err, errMidway) {
			t.Errorf("%d, %v", n, err)
		}
		if err := f.Close(); !errors.Is(err, errMidway) {
			t.Error(err)
		}
	})
	<-written
	cancel(errMidway)
	all.Wait()
	answered := func(r oddserver.Request) bool { return r.Type == oddserver.CLOSE && r.Answered > 0 }
	for !slices.ContainsFunc(s.Log(), answered) {
		s.Release()
		if _, err := p.Stat(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
	}
	last, closed := 0, 0
	for _, r := range s.Log() {
		switch {
		case r.Code != 0:
			t.Error(r)
		case r.Type == oddserver.WRITE:
			last = max(last, r.Answered)
		case r.Type == oddserver.CLOSE:
			closed = r.Answered
		}
	}
	if closed < last || closed == 0 {
		t.Errorf("closed at %d, written at %d", closed, last)
	}
	if s := sftp.PoolStats(); s.Used != 0 {
		t.Errorf("%+v", s)
	}
}

// connectOddly opens a session over SSH with an odd server that sends the given
// version line. Large files are striped over any round trip.
func connectOddly(t *testing.T, s *oddserver.Server, version string) *sftp.Files {
	t.Helper()
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	var serving sync.WaitGroup
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := sshtest.MemPipe()
		serving.Go(func() { _ = s.ServeSSH(there, version) }) // errors show at the client
		return here, nil
	}
	session, err := reactor.Await(t.Context(), r, func() deferred.Deferred[*sftp.Client] {
		return sftp.Open(r, "odd@server", sftp.OpenOptions{
			Options: client.Options{Dial: dial, NoAgent: true, BatchMode: true}, Verify: client.AcceptAnyHostKey,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.CallFromThread(session.LoseConnection)
		serving.Wait()
		s.Wait()
	})
	r.CallFromThread(func() { session.StripeFrom(1) })
	return session.Files()
}
