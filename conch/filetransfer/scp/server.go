package scp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// Server serves scp commands. The zero value has no files. It may serve several
// commands at the same time if its Files may be used so.
type Server struct {
	// Files are the files of the user. Serve does not close them.
	Files filetransfer.BlockingServer

	// ReadOnly refuses uploads, whatever the Files allow.
	ReadOnly bool
}

// Serve serves one command and returns its exit status: 0 if everything was
// transferred, else 1. The client gets the reasons. Serve blocks until the
// transfer has ended, so it must not be called on the loop. Between two pieces of
// data it ends when ctx is done; reads and writes must end with the client.
func (s *Server) Serve(ctx context.Context, line string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	words, err := split(line)
	if err == nil {
		var c *command
		if c, err = parse(words); err == nil {
			if err = c.check(); err == nil {
				p := &peer{ctx: ctx, files: s.Files, in: bufio.NewReaderSize(stdin, maxLine), out: stdout, stderr: stderr, command: c}
				return p.serve(s.ReadOnly)
			}
		}
	}
	fmt.Fprintf(stderr, "scp: %s\n", err)
	return 1
}

// peer is the scp program of the client.
type peer struct {
	*command
	ctx         context.Context
	files       filetransfer.BlockingServer
	in          *bufio.Reader
	out, stderr io.Writer

	failed bool   // one of the files has failed
	chunk  []byte // the buffer for data; see buffer
	looked int    // names that patterns have looked at
}

// The bounds of a transfer.
const (
	maxLine  = 4 << 10   // bytes of a line of the protocol
	maxChunk = 256 << 10 // bytes of data in memory
	maxDepth = 128       // levels of directories
)

// errLost is returned when the client can be told no more.
var errLost = errors.New("scp: the client has gone")

// fatalError ends the transfer. The client is told its text.
type fatalError string

func (e fatalError) Error() string { return string(e) }

func fatal(format string, args ...any) error { return fatalError(fmt.Sprintf(format, args...)) }

// serve returns the exit status.
func (p *peer) serve(readOnly bool) int {
	var err error
	switch {
	case p.upload && readOnly:
		err = fatal("%s: the files of this server cannot be changed", text.Line(p.paths[0]))
	case p.upload:
		err = p.receiveAll(p.paths[0])
	default:
		err = p.sendAll(p.paths)
	}
	if told, ok := errors.AsType[fatalError](err); ok {
		fmt.Fprintf(p.out, "\x02scp: %s\n", string(told))
	}
	if err != nil || p.failed {
		return 1
	}
	return 0
}

// buffer returns a part of the buffer for data with at most n bytes.
func (p *peer) buffer(n int64) []byte {
	if p.chunk == nil {
		p.chunk = make([]byte, maxChunk)
	}
	return p.chunk[:min(n, maxChunk)]
}

// warn tells the client that one file has failed.
func (p *peer) warn(file, why string) error {
	p.failed = true
	return p.write("\x01scp: " + text.Line(file) + ": " + why + "\n")
}

// ack tells the client to go on.
func (p *peer) ack() error { return p.write("\x00") }

func (p *peer) write(line string) error {
	if _, err := io.WriteString(p.out, line); err != nil {
		return errLost
	}
	return p.ended()
}

// ended returns errLost if the transfer is cancelled.
func (p *peer) ended() error {
	if p.ctx.Err() != nil {
		return errLost
	}
	return nil
}

// line reads one line, without its end. The error is io.EOF if the client has
// sent nothing more.
func (p *peer) line() (string, error) {
	line, err := p.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fatal("protocol error: a line has more than %d bytes", maxLine)
	case err == io.EOF && len(line) == 0:
		return "", io.EOF
	case err != nil:
		return "", errLost
	}
	if p.verbose {
		fmt.Fprintf(p.stderr, "scp: received %s\n", text.Quote(string(line[:len(line)-1])))
	}
	return string(line[:len(line)-1]), p.ended()
}

// response reads the answer of the client. It reports whether the client goes on
// with the present file.
func (p *peer) response() (bool, error) {
	kind, err := p.in.ReadByte()
	switch {
	case err != nil:
		return false, errLost
	case kind == 0:
		return true, p.ended()
	}
	if err := p.in.UnreadByte(); err != nil {
		return false, errLost
	}
	line, err := p.line()
	switch {
	case err == io.EOF:
		return false, errLost
	case err != nil:
		return false, err
	case line == "" || line[0] > 2:
		return false, fatal("protocol error: unexpected answer %s", text.Quote(line))
	}
	p.failed = true
	if line[0] == 2 {
		return false, errLost
	}
	return false, nil
}

// fileSize returns the size of a file, if it can be sent.
func fileSize(a filetransfer.Attrs) (int64, bool) {
	return int64(a.Size), a.Has(filetransfer.AttrSize) && a.Size <= math.MaxInt64
}
