package sftpdemo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
)

func TestTexts(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{sftpdemo.Size(0), "0 bytes"},
		{sftpdemo.Size(999), "999 bytes"},
		{sftpdemo.Size(1000), "1.0 KiB"},
		{sftpdemo.Size(1 << 50), "1024.0 TiB"},
		{sftpdemo.Printable("a\x1b[31m\nb\xffé"), "a�[31m b�é"},
		{sftpdemo.Line(errors.New("sftp: get x: no\nroom")), "get x: no room"},
		{sftpdemo.Kept(fs.ErrExist, false, "x").Error(), "file already exists"},
		{sftpdemo.Kept(fs.ErrPermission, true, "x").Error(), "permission denied; partial data is kept, resume with x"},
		{sftpdemo.Line(sftpdemo.Kept(deferred.ErrCancelled, true, "x")), "interrupted; partial data is kept, resume with x"},
		{sftpdemo.Kept(sftp.ErrStalled, false, "x").Error(), "sftp: the transfer has stalled; Resume can continue it; partial data is kept, resume with x"},
		{sftpdemo.Progress(sftp.Progress{}), "0 bytes of 0 bytes"},
		{sftpdemo.Progress(sftp.Progress{Total: 400, Done: 100, Rate: 10}), " 25 %  100 bytes of 400 bytes, 10 bytes/s, 30s left"},
		{sftpdemo.Progress(sftp.Progress{Report: sftp.Report{Bytes: 80, Files: 2, Elapsed: 2 * time.Second}, Total: 80, Done: 80, TotalFiles: 2, Final: true}),
			"100 %  80 bytes of 80 bytes, 2 of 2 files, 40 bytes/s"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// TestMeter: output other than a terminal gets one line, or none if the
// transfer has no result.
func TestMeter(t *testing.T) {
	var out bytes.Buffer
	meter := sftpdemo.Meter(&out)
	meter(sftp.Progress{Total: 2, Done: 1})
	meter(sftp.Progress{Final: true})
	if out.Len() != 0 {
		t.Errorf("%q", out.String())
	}
	meter(sftp.Progress{Total: 2, Done: 2, Final: true})
	if out.String() != "100 %  2 bytes of 2 bytes\n" {
		t.Errorf("%q", out.String())
	}
}

// TestExplain: the state of the file system explains a vague error.
func TestExplain(t *testing.T) {
	vague := fmt.Errorf("open: %w", &filetransfer.StatusError{Code: filetransfer.FXFailure})
	if !sftpdemo.Vague(vague) || sftpdemo.Vague(&filetransfer.StatusError{Code: filetransfer.FXPermissionDenied}) || sftpdemo.Vague(fs.ErrExist) {
		t.Error("not told apart")
	}
	for _, tt := range []struct {
		is   filetransfer.StatVFS
		want string
	}{
		{filetransfer.StatVFS{FragmentSize: 4096, Blocks: 1000, AvailableBlocks: 1}, "; the server's file system is full"},
		{filetransfer.StatVFS{FragmentSize: 4096, Blocks: 1000, AvailableBlocks: 1, Flags: filetransfer.StatReadOnly}, "; the server's file system is read-only"},
		{filetransfer.StatVFS{FragmentSize: 4096, Blocks: 1000, AvailableBlocks: 500}, ""},
		{filetransfer.StatVFS{FragmentSize: 4096}, ""}, // a file system without blocks, such as /proc
	} {
		if got := sftpdemo.Explain(vague, tt.is); got.Error() != vague.Error()+tt.want || !errors.Is(got, vague) {
			t.Errorf("%+v: %v", tt.is, got)
		}
	}
}
