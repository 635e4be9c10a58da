package sftp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/wire"
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
	for _, sum := range []func(*deferred.Coro) ([]byte, error){c.checkFile, c.runCommand} {
		got, err := sum(co)
		if err == nil && bytes.Equal(got, want) {
			return true, nil
		}
		if isCancelled(err) {
			return false, err
		}
	}
	got, err := c.sumRemote(co) // another sum may be of another file
	return bytes.Equal(got, want), err
}

// extCheckFile is the extension with which a server computes a sum of a file:
// draft-ietf-secsh-filexfer-extensions-00, section 3.
const extCheckFile = "check-file"

// Bounds of the time that a command may take.
const (
	commandTimeout = 30 * time.Second
	commandPerMiB  = 100 * time.Millisecond
)

var errNoSum = errors.New("sftp: the server computes no sum")

// checkFile makes the server compute the sum with the check-file extension.
func (c *comparison) checkFile(co *deferred.Coro) ([]byte, error) {
	if !c.s.HasExtension(extCheckFile) {
		return nil, errNoSum
	}
	e := wire.NewEncoder(nil)
	e.String(c.remote)
	e.String("sha256")
	e.Uint64(0)                      // start
	e.Uint64(uint64(max(c.size, 0))) // length; 0 means up to the end
	e.Uint32(0)                      // one sum for everything
	reply, err := deferred.Await(co, c.s.ExtendedRequest(extCheckFile+"-name", e.Data()))
	if err != nil {
		return nil, err
	}
	d := wire.NewDecoder(reply.Data)
	if name, algorithm := d.String(), d.String(); d.Err() != nil || name != extCheckFile || algorithm != "sha256" {
		return nil, errNoSum
	}
	return d.Rest(), nil
}

// mayRun reports whether the server is known to bear another channel, for a
// command: there are servers that drop the connection.
func (c *comparison) mayRun() bool {
	return c.s.run != nil && (c.s.own.answered && !c.s.own.full || c.o.Channels > 1) && c.o.Channels != 1
}

// runCommand makes the server compute the sum with a program.
func (c *comparison) runCommand(co *deferred.Coro) ([]byte, error) {
	if !c.mayRun() {
		return nil, errNoSum
	}
	name := c.remote
	if !strings.HasPrefix(name, "/") {
		name = "./" + name // it may begin with a dash
	}
	command := "sha256sum -b " + shellQuote(name)
	if c.size != whole {
		command = fmt.Sprintf("head -c %d %s | sha256sum -b", c.size, shellQuote(name))
	}
	limit := commandTimeout + time.Duration(c.planned>>20)*commandPerMiB
	output, err := deferred.Await(co, c.s.run(command).AddTimeout(c.s.loop, limit))
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(output), `\`) // for a name with special characters
	return hex.DecodeString(text[:min(len(text), 2*sha256.Size)])
}

// shellQuote quotes a word for a POSIX shell.
func shellQuote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
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
	return deferred.Await(co, threaded(&queue, func() ([]byte, error) { return sum.Sum(nil), nil }, nil))
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
