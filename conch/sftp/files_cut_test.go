package sftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/hawser-go/hawser/conch/filetransfer"
)

var errCut = fmt.Errorf("cut: %w", io.EOF)

// C-SFTP-60: an EOF of the connection is not the end of a file.
func TestLossIsNotTheEndOfAFile(t *testing.T) {
	p := pkgSFTP(t)
	if err := p.WriteFile(t.Context(), "file", []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := p.Open(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 3)
	if _, err := io.ReadFull(f, first); err != nil || string(first) != "con" {
		t.Fatalf("%q, %v", first, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	onLoop(t, p, func() { p.client.ConnectionLost(errCut) })
	for op, err := range map[string]error{
		"read": second(f.Read(first)), "readat": second(f.ReadAt(first, 0)), "writeto": second(f.WriteTo(io.Discard)),
		"readfile": second(p.ReadFile(t.Context(), "file")), "readdir": second(p.ReadDir(t.Context(), ".")),
	} {
		if _, isLost := errors.AsType[*filetransfer.ConnectionLostError](err); !isLost || !errors.Is(err, errCut) || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// TestReaderThatWasCutOff: io.ErrUnexpectedEOF, or an error that wraps io.EOF,
// is not the end of the source. ReadFrom returns it.
func TestReaderThatWasCutOff(t *testing.T) {
	p := pkgSFTP(t)
	for _, cut := range []error{io.ErrUnexpectedEOF, errCut} {
		for _, n := range []int{0, 5, filetransfer.MaxChunk, filetransfer.MaxChunk + 5} {
			f, err := p.Create(t.Context(), "target")
			if err != nil {
				t.Fatal(err)
			}
			copied, err := io.Copy(f, io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(cut)))
			if !errors.Is(err, cut) || copied != int64(n) {
				t.Errorf("%v after %d bytes: copied %d, %v", cut, n, copied, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
