package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// connection is the SSH connection of a job.
type connection struct{ conch.SSHConnection }

// job carries a plan out. It belongs to the loop, except log.
type job struct {
	*Command
	*plan
	r    *reactor.Reactor
	log  *logWriter
	conn *connection // nil before the first attempt; the one of the last attempt

	streams *streams // the standard streams, while they are connected

	alive    *reactor.DelayedCall // the next keep-alive, or the limit of its answer
	ready    bool                 // was connected once
	ending   bool                 // the session has ended, or the user has ended it
	again    bool                 // connect again when the connection has ended
	waits    int                  // in a row, of -r
	over     bool                 // status is final
	status   int
	last     []string // messages that follow all output
	released bool     // the parent of -f was told
}

// warn writes a message, unless -q is given.
func (j *job) warn(format string, args ...any) {
	if j.Quiet() {
		return
	}
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(j.log, "conch: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// info writes a message that is no error, unless LogLevel suppresses it.
func (j *job) info(format string, args ...any) {
	if !j.Terse() {
		j.warn(format, args...)
	}
}

// start runs when the reactor runs.
func (j *job) start() {
	stop := onReconnect(func() { j.r.CallFromThread(j.connectAgain) })
	j.r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, stop)
	j.connect()
}

// connect makes an attempt.
func (j *job) connect() {
	j.conn = &connection{}
	conn := j.conn
	j.Target.Connect(j.r, conn).OnResult(func(_ deferred.Void, err error) {
		if err != nil {
			j.lost(err)
			return
		}
		j.ready, j.waits = true, 0
		conn.Transport().WhenClosed().OnResult(func(_ deferred.Void, err error) { j.lost(err) })
		j.keepAlive()
		j.connected()
	})
}

// connected starts the forwardings, and then the session.
func (j *job) connected() {
	local := deferred.Succeed(deferred.Void{})
	if j.localCommand != "" {
		ctx := j.conn.Transport().Context()
		local = reactor.DeferToThread(j.r, func() (deferred.Void, error) { return deferred.Void{}, j.runLocal(ctx, j.localCommand) })
	}
	forwarded := deferred.ThenBothDeferred(local, func(_ deferred.Void, err error) deferred.Deferred[deferred.Void] {
		if err != nil {
			j.warn("LocalCommand: %s", text.Line(err.Error()))
		}
		return j.startForwards()
	})
	forwarded.OnResult(func(_ deferred.Void, err error) {
		switch {
		case j.over || j.conn.Transport().Lost() != nil:
		case err != nil:
			j.end(statusFailed, "")
		case j.stdio != (address{}):
			j.release()
			j.startStdio()
		case j.session != nil:
			j.startSession()
		default:
			j.release()
		}
	})
}

// runLocal runs a command of this machine with the shell. It blocks, until ctx is
// done at the latest.
func (j *job) runLocal(ctx context.Context, command string) error {
	cmd := login.Shell(ctx, command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = j.Stdin, j.Stdout, j.Stderr
	return cmd.Run()
}

// release tells the parent of -f that it may exit.
func (j *job) release() {
	if j.background && !j.released {
		j.released = true
		leaveForeground()
	}
}

// end notes the exit status and closes the connection once no channel is open:
// forwarded connections may outlive the session.
func (j *job) end(status int, message string) {
	j.status, j.ending = status, true
	if message != "" {
		j.last = append(j.last, message)
	}
	j.conn.Drain()
}

// hangUp ends everything at once.
func (j *job) hangUp() {
	j.status, j.ending = statusFailed, true
	j.conn.Transport().AbortConnection()
}

// connectAgain drops the connection and connects again.
func (j *job) connectAgain() {
	if t := j.conn.Transport(); t != nil && t.Lost() == nil && !j.ending {
		j.again = true
		t.AbortConnection()
	}
}

// lost is called when an attempt has failed and when the connection has ended.
// err is nil if this side has ended the connection.
func (j *job) lost(err error) {
	j.stopAlive()
	if j.ending {
		j.finish()
		return
	}
	if err == nil {
		err = j.conn.Transport().Lost()
	}
	message := login.Explain(j.Target, err)
	if j.again {
		message = "SIGUSR1"
	}
	if j.again || j.reconnect && j.ready && worthAnother(err) {
		j.wait(message)
		return
	}
	if errors.Is(err, client.ErrInterrupted) {
		j.status, message = statusInterrupted, ""
	}
	if message != "" {
		j.last = append(j.last, message)
	}
	j.finish()
}

// worthAnother reports whether another attempt may succeed without the user.
func worthAnother(err error) bool {
	e, ok := errors.AsType[*conch.ConchError](err)
	refused := ok && (e.Data == conch.DisconnectNoMoreAuthMethodsAllowed || e.Data == conch.DisconnectHostKeyNotVerifiable)
	return !refused && !errors.Is(err, client.ErrInterrupted)
}

// wait connects again, at once the first time.
func (j *job) wait(message string) {
	delay := time.Duration(0)
	if !j.again {
		delay = min(or(j.times.again, firstAgain)<<min(j.waits, 10), longAgain)
		j.waits++
	}
	j.again = false
	j.closeStreams().OnResult(func(deferred.Void, error) {
		j.info("%s; connecting again", message)
		j.r.CallLater(delay, j.connect)
	})
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// finish stops the reactor when all output is written.
func (j *job) finish() {
	j.closeStreams().OnResult(func(deferred.Void, error) {
		j.over = true
		_ = j.r.Stop() // an error means that it is stopping already
	})
}

// closeStreams closes the connections to the standard streams. The Deferred fires
// when all output is written.
func (j *job) closeStreams() deferred.Deferred[deferred.Void] {
	if j.streams == nil {
		return deferred.Succeed(deferred.Void{})
	}
	closed := j.streams.close()
	j.streams = nil
	return closed
}
