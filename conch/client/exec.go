package client

import (
	"cmp"
	"errors"
	"slices"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/deferred"
)

// DefaultMaxOutput is the default of Command.MaxOutput, in bytes.
const DefaultMaxOutput = 64 << 20

// ErrOutputTooLong is the error of Exec if the command writes more than
// Command.MaxOutput bytes. The command is cut off and its output is dropped.
var ErrOutputTooLong = errors.New("client: remote command writes more than Exec keeps; raise Command.MaxOutput, or use a ClientSession")

// Output is the output of a remote command.
type Output struct{ Stdout, Stderr []byte }

// Exec runs a command line on the connection with stdin as its input. See
// ExecCommand.
func Exec(conn conch.Connection, line string, stdin []byte) deferred.Deferred[Output] {
	return ExecCommand(conn, Command{Line: line}, stdin)
}

// ExecCommand runs a command on a new session of the connection, with stdin as
// its input. The Deferred fires with the complete output when the command has
// exited with status 0. It fails with an *ExitError, which has the output, if the
// command ended in another way or the server does not report how; with
// ErrOutputTooLong; and otherwise as ClientSession.Finished does. Cancelling the
// Deferred closes the session; the server decides what happens to the command.
//
// The memory for the output is bounded by Command.MaxOutput and an eighth more.
// ExecCommand belongs to the loop. It panics before ServiceStarted.
func ExecCommand(conn conch.Connection, command Command, stdin []byte) deferred.Deferred[Output] {
	s := &execSession{stdin: slices.Clone(stdin)}
	s.Command = command
	s.output.limit = cmp.Or(command.MaxOutput, DefaultMaxOutput)
	s.done = deferred.New(func(deferred.Deferred[Output]) { s.AbortConnection() })
	conn.OpenChannel(s)
	s.Finished().OnResult(func(_ deferred.Void, err error) { s.ended(err) })
	return s.done
}

// execSession collects the output of a command.
type execSession struct {
	ClientSession
	stdin  []byte
	output outputBuffer
	done   deferred.Deferred[Output] // may have been cancelled
}

// SessionStarted sends the input.
func (s *execSession) SessionStarted() {
	s.WriteOwned(s.stdin, nil)
	s.LoseWriteConnection()
	s.stdin = nil
}

// DataReceived keeps stdout.
func (s *execSession) DataReceived(p []byte) { s.keep(p, s.output.addOut) }

// ExtReceived keeps stderr.
func (s *execSession) ExtReceived(_ uint32, p []byte) { s.keep(p, s.output.addErr) }

func (s *execSession) keep(p []byte, add func(p []byte)) {
	if !s.output.reserve(len(p)) {
		_ = s.done.TryErrback(ErrOutputTooLong)
		s.output = outputBuffer{}
		s.AbortConnection()
		return
	}
	add(p)
	s.Recycle(p)
}

func (s *execSession) ended(err error) {
	if exit, ok := errors.AsType[*ExitError](err); ok {
		exit.Output = s.output.take()
	}
	if err != nil {
		_ = s.done.TryErrback(err)
	} else {
		_ = s.done.TryCallback(s.output.take())
	}
}

// outputBuffer keeps stdout and stderr in one buffer, so that one bound holds for
// both: stdout from the front, and stderr, in reverse order, from the back.
//
// A larger buffer exists beside the one that is copied to it. For the bound to
// hold then too, the size doubles only up to an eighth of the limit; the next
// size is the limit.
type outputBuffer struct {
	limit    int
	buf      []byte
	out, err int // bytes of each
}

// minOutput is the size of the first buffer, in bytes.
const minOutput = 4 << 10

// reserve makes room for n bytes. It returns false if they exceed the limit.
func (b *outputBuffer) reserve(n int) bool {
	used := b.out + b.err
	if n > b.limit-used {
		return false
	}
	if used+n <= len(b.buf) {
		return true
	}
	size := max(2*len(b.buf), used+n, minOutput)
	if size > b.limit/8 {
		size = b.limit
	}
	larger := make([]byte, size)
	copy(larger, b.buf[:b.out])
	copy(larger[size-b.err:], b.buf[len(b.buf)-b.err:])
	b.buf = larger
	return true
}

// addOut and addErr need room for p.
func (b *outputBuffer) addOut(p []byte) { b.out += copy(b.buf[b.out:], p) }

func (b *outputBuffer) addErr(p []byte) {
	for _, c := range p {
		b.err++
		b.buf[len(b.buf)-b.err] = c
	}
}

// take returns the output and empties the buffer. A buffer that is mostly empty
// is replaced.
func (b *outputBuffer) take() Output {
	out, err := b.buf[:b.out:b.out], b.buf[len(b.buf)-b.err:]
	slices.Reverse(err)
	if len(out)+len(err) < len(b.buf)/4 {
		out, err = slices.Clone(out), slices.Clone(err)
	}
	b.buf, b.out, b.err = nil, 0, 0
	return Output{Stdout: out, Stderr: err}
}
