package reactor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// process is a child process: pipes or a terminal, each with a conn, and a
// goroutine that waits for the child. All fields belong to the loop, except
// that the goroutine and the timer of stop use child, which never changes.
type process struct {
	r         *Reactor
	p         ProcessProtocol
	child     *os.Process
	pid       int           // 0 when the exit is known
	pipes     map[int]*pipe // those that are open
	terminal  bool          // pipes has only the terminal, as descriptor 1
	key       uint64        // in Reactor.open
	killAfter time.Duration

	reason   error  // of the exit; nil while the child runs
	ended    bool   // ProcessEnded was called, or is being called
	stopping func() // ends the wait of a stopping reactor; nil if there is none
}

// SpawnProcess starts a program as a child process, with p as its protocol. It
// calls p's ConnectionMade before it returns. Events follow on the loop, or
// when Run is called.
//
// A name without a directory is looked up in the PATH of this process. args[0]
// is the name that the program sees as its own; without args that is
// executable. Signals that this process ignores have their default action in
// the child. SpawnProcess blocks until the system has started the program,
// about a millisecond.
//
// The error is a *CannotSpawnError: p is a nil pointer, opts cannot be used, or
// the system cannot start the program. p is not called then.
//
// SpawnProcess must be called on the loop, or before Run.
func (r *Reactor) SpawnProcess(
	p ProcessProtocol, executable string, args []string, opts ProcessOptions,
) (ProcessTransport, error) {
	r.mustBeOnLoop("SpawnProcess")
	if _, err := baseOf(p); err != nil {
		return nil, &CannotSpawnError{executable, err}
	}
	l, err := startChild(executable, args, &opts)
	if err != nil {
		return nil, &CannotSpawnError{executable, err}
	}
	proc := &process{
		r: r, p: p, child: l.process, pid: l.process.Pid, pipes: make(map[int]*pipe),
		terminal: l.terminal, killAfter: opts.KillAfter,
	}
	for _, end := range l.ends {
		proc.attachPipe(end)
	}
	proc.key = r.register(proc)
	go proc.wait() // ends with the child; Run does not wait for a child that runs on
	r.guard("ConnectionMade of "+proc.name(), func() { MakeProcessConnection(p, proc) })
	for _, pp := range proc.open() {
		pp.start()
	}
	return proc, nil
}

func (p *process) name() string { return LogPrefix(p.p) }

// open returns the open pipes, by the child's descriptor.
func (p *process) open() []*pipe {
	open := make([]*pipe, 0, len(p.pipes))
	for _, fd := range slices.Sorted(maps.Keys(p.pipes)) {
		open = append(open, p.pipes[fd])
	}
	return open
}

// wait waits for the child on a goroutine of its own.
func (p *process) wait() {
	state, err := p.child.Wait()
	p.r.queue.post(func() { p.exited(processReason(state, err)) })
}

// exited runs on the loop when the child has ended.
func (p *process) exited(reason error) {
	if p.ended {
		return // the reactor has stopped before
	}
	p.reason, p.pid = reason, 0
	p.closeUnwatched()
	p.r.guard("ProcessExited of "+p.name(), func() { p.p.ProcessExited(reason) })
	p.checkEnded()
}

// closeUnwatched closes the pipes whose other end the system cannot watch.
func (p *process) closeUnwatched() {
	for _, pp := range p.open() {
		if !pp.end.reads && !canWatch(pp.conn.s) {
			pp.conn.close(ErrConnectionDone)
		}
	}
}

// pipeLost runs when a pipe or the terminal is closed.
func (p *process) pipeLost(pp *pipe) {
	delete(p.pipes, pp.end.fd)
	if !p.terminal {
		p.r.guard("ChildConnectionLost of "+p.name(), func() { p.p.ChildConnectionLost(pp.end.fd) })
	}
	p.checkEnded()
}

// checkEnded calls ProcessEnded when the child has ended and all pipes are
// closed.
func (p *process) checkEnded() {
	if p.ended || p.reason == nil || len(p.pipes) > 0 {
		return
	}
	p.end()
}

func (p *process) end() {
	p.ended = true
	p.r.unregister(p.key)
	if p.stopping != nil {
		defer p.stopping()
	}
	p.r.guard("ProcessEnded of "+p.name(), func() { p.p.ProcessEnded(p.reason) })
}

// shutDown runs when the reactor stops. It closes the pipes and leaves the
// child alone, or ends the child.
func (p *process) shutDown() {
	switch {
	case p.ended || p.stopping != nil:
	case p.killAfter != 0 && p.reason == nil && p.r.state.Load() != stateBroken:
		p.stop()
	default:
		p.disown()
	}
}

// disown closes the pipes and calls ProcessEnded, even if the child runs on. A
// child with KillAfter is killed, because no loop can wait for it.
func (p *process) disown() {
	if p.killAfter != 0 {
		_ = p.child.Kill() // an error: it has ended
	}
	if p.reason == nil {
		p.reason = &ConnectionLostError{ErrReactorEnded}
	}
	for _, pp := range p.open() {
		pp.conn.shutDown()
	}
	p.checkEnded()
}

// stop asks the child to end, and kills it when killAfter has passed. Until the
// child has ended, the reactor is held. The timer is not one of the loop,
// which may end before by Options.ShutdownTimeout.
func (p *process) stop() {
	release := p.r.Hold()
	timer := time.AfterFunc(p.killAfter, p.kill)
	p.stopping = func() {
		timer.Stop()
		release()
	}
	_ = terminate(p.child) // an error: it has ended, and exited follows
}

// kill ends the child, and then closes the pipes, which children of the child
// may hold. kill runs on a goroutine of its own.
func (p *process) kill() {
	_ = p.child.Kill() // an error: it has ended
	if !p.r.queue.post(p.cutOff) {
		for _, pp := range p.open() { // the loop has ended, and uses them no more
			_ = pp.conn.socket.Close()
		}
	}
}

// cutOff closes the pipes. The exit of the child follows, or was before.
func (p *process) cutOff() {
	for _, pp := range p.open() {
		pp.conn.shutDown()
	}
}

// PID implements [ProcessTransport].
func (p *process) PID() int { return p.pid }

// SignalProcess implements [ProcessTransport].
func (p *process) SignalProcess(name string) error {
	sig := signalNames[name]
	if sig == nil {
		return fmt.Errorf("reactor: unknown signal %q; use KILL, TERM, INT, HUP or STOP, or the method Signal", name)
	}
	return p.Signal(sig)
}

// Signal implements [ProcessTransport]. Package os keeps track of the wait for
// the child, so that no signal reaches another process.
func (p *process) Signal(sig os.Signal) error {
	p.r.mustBeOnLoop("Signal")
	err := sendSignal(p.child, sig)
	if errors.Is(err, os.ErrProcessDone) {
		return ErrProcessExitedAlready
	}
	return err
}
