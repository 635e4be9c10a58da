package sftp

import (
	"bytes"
	"io"
	"slices"
)

// sparseBlock is the unit of holes, in bytes.
const sparseBlock = 4 << 10

var zeros [sparseBlock]byte

// output is the target of a download. Only threads use it, one at a time.
type output struct {
	w      io.Writer
	sparse io.Seeker // w, if zeros are to be left out
	pos    int64     // bytes written or left out
	hole   bool      // the last bytes were left out
	err    error     // the first failure; nothing is written after it
}

func (o *output) write(p []byte) error {
	for len(p) > 0 && o.err == nil {
		n, zero := o.run(p)
		if zero {
			_, o.err = o.sparse.Seek(int64(n), io.SeekCurrent)
		} else {
			o.err = writeAll(o.w, p[:n])
		}
		if o.err == nil {
			o.pos, o.hole = o.pos+int64(n), zero
		}
		p = p[n:]
	}
	return o.err
}

func writeAll(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// run returns the number of bytes at the beginning of p that are all to be
// written, or all to be left out.
func (o *output) run(p []byte) (n int, zero bool) {
	if o.sparse == nil {
		return len(p), false
	}
	for n < len(p) {
		end := min(len(p), n+sparseBlock-int((o.pos+int64(n))%sparseBlock))
		isZero := bytes.Equal(p[n:end], zeros[:end-n])
		if n == 0 {
			zero = isZero
		}
		if isZero != zero {
			break
		}
		n = end
	}
	return n, zero
}

func isZero(p []byte) bool {
	for block := range slices.Chunk(p, sparseBlock) {
		if string(block) != string(zeros[:len(block)]) {
			return false
		}
	}
	return true
}
