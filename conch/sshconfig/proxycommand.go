package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// exitGrace is how long a command may take to exit after its input or output
// was closed.
const exitGrace = time.Second

// maxStderr is how many of the last bytes of a command's stderr are kept.
const maxStderr = text.MaxLine / 2

// dialCommand returns a dial function that runs a shell command. The connection
// is the command's stdin and stdout.
func dialCommand(command string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := startCommand(command, address)
		if err != nil {
			return nil, fmt.Errorf("sshconfig: ProxyCommand %q cannot be started: %w", command, err)
		}
		return c, nil
	}
}

// commandConn is a net.Conn over a command's stdin and stdout. Deadlines need
// pipes that support deadlines, which Windows does not have.
type commandConn struct {
	command string
	address string
	in, out *os.File // our ends of the stdin and stdout pipes
	process *os.Process
	stderr  *tail

	ended chan struct{} // closed when the command has ended
	err   error         // the result of Wait; valid once ended is closed
	close sync.Once
}

// startCommand starts a command, and a goroutine that waits for the command to
// exit.
func startCommand(command, address string) (*commandConn, error) {
	cmd := exec.Command(shell(), "-c", "exec "+command)
	stderr := &tail{}
	cmd.Stderr = stderr
	cmd.WaitDelay = exitGrace // for children that keep stderr open
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		closeAll(theirIn, ourIn)
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = theirIn, theirOut
	err = cmd.Start()
	closeAll(theirIn, theirOut)
	if err != nil {
		closeAll(ourIn, ourOut)
		return nil, err
	}
	c := &commandConn{command: command, address: address, in: ourIn, out: ourOut, process: cmd.Process, stderr: stderr,
		ended: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close() // nothing is buffered
	}
}

// Read reads the command's stdout. At the end of stdout, Read returns io.EOF if
// the command succeeded or is still running, and otherwise an error with the
// end of the command's stderr.
func (c *commandConn) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if errors.Is(err, io.EOF) {
		return n, c.end()
	}
	return n, c.opError("read", err)
}

// end returns the error for the end of stdout.
func (c *commandConn) end() error {
	wait := time.NewTimer(exitGrace)
	defer wait.Stop()
	select {
	case <-c.ended:
	case <-wait.C:
		return io.EOF
	}
	if err := c.failure(); err != nil {
		return err
	}
	return io.EOF
}

// failure returns an error if the command failed, nil if the exit status was 0.
// The command must have exited.
func (c *commandConn) failure() error {
	var exit *exec.ExitError
	if !errors.As(c.err, &exit) {
		return nil
	}
	if said := c.stderr.String(); said != "" {
		return fmt.Errorf("sshconfig: ProxyCommand failed: %w; its stderr ends with: %s", c.err, text.Line(said))
	}
	return fmt.Errorf("sshconfig: ProxyCommand %q failed: %w", c.command, c.err)
}

// Write writes to the command's stdin.
func (c *commandConn) Write(p []byte) (int, error) {
	n, err := c.in.Write(p)
	if err == nil || errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, c.opError("write", err)
	}
	if failed := c.end(); !errors.Is(failed, io.EOF) {
		return n, failed
	}
	return n, c.opError("write", err)
}

// opError wraps err in a net.OpError, as other connections do.
func (c *commandConn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "command", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Close closes the command's stdin and stdout and returns at once. A command
// that has not exited a second later is killed.
func (c *commandConn) Close() error {
	err := net.ErrClosed
	c.close.Do(func() {
		err = nil
		closeAll(c.in, c.out)
		go func() {
			grace := time.NewTimer(exitGrace)
			defer grace.Stop()
			select {
			case <-c.ended:
			case <-grace.C:
				_ = c.process.Kill() // fails if the command has exited
			}
		}()
	})
	return err
}

// commandAddr is an end of a connection to a command.
type commandAddr string

// Network returns "command".
func (a commandAddr) Network() string { return "command" }
func (a commandAddr) String() string  { return string(a) }

// LocalAddr returns an address without meaning.
func (c *commandConn) LocalAddr() net.Addr { return commandAddr("local") }

// RemoteAddr returns the address that the command connects to.
func (c *commandConn) RemoteAddr() net.Addr { return commandAddr("command for " + c.address) }

// SetDeadline sets both deadlines.
func (c *commandConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of Read.
func (c *commandConn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.out.SetReadDeadline(t))
}

// SetWriteDeadline sets the deadline of Write.
func (c *commandConn) SetWriteDeadline(t time.Time) error {
	return c.opError("set", c.in.SetWriteDeadline(t))
}

// tail is a writer that keeps the last maxStderr bytes.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if extra := len(t.last) - maxStderr; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	return len(p), nil
}

// String returns the bytes without surrounding blanks.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.last))
}

var _ net.Conn = (*commandConn)(nil)
