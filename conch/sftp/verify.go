package sftp

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"math"
	"os"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
)

// whole is the size for a comparison of whole files.
const whole = -1

// comparison compares a local file with a file at the server: the first size
// bytes of both, or the whole files.
type comparison struct {
	*job
	queue  *taskQueue
	local  func() (file, error) // opens the local file, on a thread
	on     *channel
	remote string
	size   int64

	planned int64 // the size that the files are expected to have
}

// same reports whether the source and the local file name are the same.
func (f *download) same(co *deferred.Coro, name string, size int64) (bool, error) {
	local := func() (file, error) { return f.disk.OpenFile(name, os.O_RDONLY, 0) }
	c := &comparison{job: f.job, queue: &f.queue, local: local, on: f.on, remote: f.remote, size: size, planned: f.size}
	return c.run(co)
}

// same reports whether the source and the file name at the server are the same.
func (f *upload) same(co *deferred.Coro, name string, size int64) (bool, error) {
	local := func() (file, error) { return f.disk.OpenFile(f.name, os.O_RDONLY, 0) }
	c := &comparison{job: f.job, queue: &f.queue, local: local, on: f.on, remote: name, size: size, planned: f.size}
	return c.run(co)
}

// differs returns the error of a transfer for the result of same.
func differs(same bool, err error) error {
	if err == nil && !same {
		return ErrVerify
	}
	return err
}

func (c *comparison) run(co *deferred.Coro) (bool, error) {
	want, err := deferred.Await(co, threaded(c.queue, c.sumLocal, nil))
	if err != nil {
		return false, err
	}
	got, err := c.sumRemote(co)
	return bytes.Equal(got, want), err
}

// sumLocal returns the sum of the local bytes.
func (c *comparison) sumLocal() ([]byte, error) {
	f, err := c.local()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := newSum(c.size)
	if _, err = io.Copy(sum, f); err == io.EOF {
		err = nil
	}
	return sum.Sum(nil), err
}

// sumRemote reads the remote bytes and returns their sum.
func (c *comparison) sumRemote(co *deferred.Coro) ([]byte, error) {
	h, err := openHandle(co, c.s, func() deferred.Deferred[*filetransfer.ClientFile] {
		return c.on.client.OpenFile(c.remote, filetransfer.FXFRead, filetransfer.Attrs{})
	})
	if err != nil {
		return nil, err
	}
	defer func() { c.s.closed(h.Close()).AddErrback(ignore) }()
	sum := newSum(c.size)
	queue := taskQueue{loop: c.s.loop}
	var r *reader
	r = newReader(c.s.loop, c.lease, 0, c.planned, func(part chunk) {
		do(&queue, func() error {
			defer part.b.release()
			_, err := sum.Write(part.b.data()[:part.n])
			return err
		}).OnResult(func(_ struct{}, err error) {
			if r.credit(part); err != nil {
				r.stop(err)
			}
		}).AddErrback(noResult)
	})
	r.add(h)
	if err := r.run(co); err != nil && err != io.EOF {
		return nil, err
	}
	queue.idle(co)
	return sum.Sum(nil), nil
}

// sum is the SHA-256 sum of the first size bytes that are written to it.
type sum struct {
	hash.Hash
	left int64
}

func newSum(size int64) *sum {
	if size == whole {
		size = math.MaxInt64
	}
	return &sum{sha256.New(), size}
}

func (s *sum) Write(p []byte) (int, error) {
	n, err := s.Hash.Write(p[:min(int64(len(p)), s.left)])
	if s.left -= int64(n); s.left == 0 {
		err = io.EOF // more is not needed
	}
	return n, err
}
