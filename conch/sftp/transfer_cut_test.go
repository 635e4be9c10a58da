package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

var errCut = fmt.Errorf("cut: %w", io.EOF)

// C-SFTP-60: an EOF of the connection is neither the end of a file nor the end
// of a directory.
func TestLossIsNotTheEndOfAFile(t *testing.T) {
	const readType, readdirType = 5, 12
	content := func(_ string, offset uint64, n int) []byte { return make([]byte, n) }
	for _, tt := range []struct {
		name, remote string
		size         uint64
		typ          uint8 // type of the request at which the connection is lost
		nth          int
	}{
		{"small file", "x.txt", 3, readType, 1},
		{"first chunk", "x.txt", 40 * chunkSize, readType, 1},
		{"later chunk", "x.txt", 40 * chunkSize, readType, 5},
		{"file of unknown size", "x.txt", 0, readType, 1},
		{"later chunk of a file of unknown size", "x.txt", 0, readType, 5},
		{"directory", "top", 0, readdirType, 1},
		{"later part of a directory", "top", 0, readdirType, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, l := newLiar(t)
			l.file, l.lists["top"] = content, func(int) []filetransfer.Entry { return []filetransfer.Entry{entryOf("a.txt", fileMode, 3)} }
			stat := l.stat
			l.stat = func(name string) (filetransfer.Attrs, bool) {
				a, ok := stat(name)
				a.Size = tt.size
				return a, ok
			}
			seen := 0
			l.lose = func(typ uint8) error {
				if typ != tt.typ {
					return nil
				}
				if seen++; seen < tt.nth {
					return nil
				}
				return errCut
			}
			_, err := p.get(tt.remote, filepath.Join(p.local, "target"), Options{})
			if _, isLost := errors.AsType[*filetransfer.ConnectionLostError](err); !isLost || !errors.Is(err, errCut) || errors.Is(err, io.EOF) {
				t.Errorf("get: %v", err)
			}
		})
	}
}

// TestReaderThatWasCutOff: io.ErrUnexpectedEOF, or an error that wraps io.EOF,
// is not the end of the source. The upload fails with that error.
func TestReaderThatWasCutOff(t *testing.T) {
	p := openSSH(t)
	for _, cut := range []error{io.ErrUnexpectedEOF, errCut} {
		for _, n := range []int{0, 5, chunkSize, chunkSize + 5} {
			from := io.MultiReader(bytes.NewReader(someBytes(n, 1)), iotest.ErrReader(cut))
			_, err := await(p, func() deferred.Deferred[Report] { return p.PutFrom(from, "target", Options{}) })
			if !errors.Is(err, cut) {
				t.Errorf("%v after %d bytes: %v", cut, n, err)
			}
		}
	}
	noHandles(p, "target")
}
