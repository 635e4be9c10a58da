package sshconfig

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// dialCommand returns a dialler whose connections are the stdin and stdout of a shell command.
func dialCommand(line string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		cmd := exec.Command("sh", "-c", "exec "+line)
		cmd.Stderr = os.Stderr
		cmd.WaitDelay = time.Second
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return &commandConn{Reader: out, Writer: in, cmd: cmd, address: address}, nil
	}
}

// commandConn is the connection to a command. Close ends the command and waits for it.
type commandConn struct {
	io.Reader
	io.Writer
	cmd     *exec.Cmd
	address string
	once    sync.Once
}

// Close kills the command.
func (c *commandConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		_ = c.cmd.Process.Kill() // it may have ended
		_ = c.cmd.Wait()         // killed
		err = nil
	})
	return err
}

// commandAddr says what a command was asked to connect to.
type commandAddr string

func (a commandAddr) Network() string { return "command" }
func (a commandAddr) String() string  { return string(a) }

// LocalAddr returns an address without meaning.
func (c *commandConn) LocalAddr() net.Addr { return commandAddr("local") }

// RemoteAddr returns the name that the command was to connect to.
func (c *commandConn) RemoteAddr() net.Addr { return commandAddr("command for " + c.address) }

// SetDeadline is not possible.
func (c *commandConn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not possible.
func (c *commandConn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not possible.
func (c *commandConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
