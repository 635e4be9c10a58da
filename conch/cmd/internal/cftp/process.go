package cftp

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hawser-go/hawser/reactor"
)

// Process is the process of a program that asks its user. It runs the loop of a
// reactor, and ends the program when a signal wants that.
type Process struct {
	Reactor *reactor.Reactor

	mu        sync.Mutex // guards the rest
	interrupt func()     // handles SIGINT; nil means that SIGINT ends the program
	restore   func()     // restores the terminal; nil means that nothing need be done
	ended     os.Signal  // the signal that has ended the program
}

// signalError is the cause of the context of a program that a signal has ended.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return "ended by a signal: " + e.String() }

// RunProcess runs main on the calling goroutine, and the loop of a new reactor
// on another one. It returns the exit status that main returns.
//
// SIGINT, SIGTERM and SIGHUP end ctx. When main has returned, RunProcess sends
// the signal again, with its default effect. While Interact runs, SIGINT is the
// same as Ctrl-C. Signals that the process ignores stay ignored.
func RunProcess(main func(ctx context.Context, p *Process) (status int)) (status int) {
	p := &Process{Reactor: reactor.New(reactor.Options{NoSignals: true})}
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := p.watch(cancel)
	ended := make(chan error, 1)
	go func() { ended <- p.Reactor.Run() }() // ends with Stop
	status = func() int {
		defer func() {
			p.Reactor.CallFromThread(func() { _ = p.Reactor.Stop() })
			if err := <-ended; err != nil {
				fmt.Fprintln(os.Stderr, "cftp:", err)
			}
		}()
		return main(ctx, p)
	}()
	stop()
	cancel(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		raise(p.ended)
	}
	return status
}

// Interrupted makes RunProcess end as SIGINT does. It is for a user who has
// pressed Ctrl-C while the terminal sent no signals.
func (p *Process) Interrupted() { p.endAs(os.Interrupt) }

// hungUp makes RunProcess end as SIGHUP does. It is for a terminal that has
// gone, whose signal may come later than the error of a read, or never.
func (p *Process) hungUp() { p.endAs(syscall.SIGHUP) }

// endAs makes RunProcess end as the signal does, unless the process ignores the
// signal.
func (p *Process) endAs(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended == nil && !signal.Ignored(s) {
		p.ended = s
	}
}

// use makes interrupt handle SIGINT, and restore restore the terminal before a
// second signal ends the process, until release is called.
func (p *Process) use(interrupt, restore func()) (release func()) {
	set := func(interrupt, restore func()) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.interrupt, p.restore = interrupt, restore
	}
	set(interrupt, restore)
	return func() { set(nil, nil) }
}

// watch handles signals until stop is called. A second signal ends the process
// at once.
func (p *Process) watch(cancel context.CancelCauseFunc) (stop func()) {
	caught := make(chan os.Signal, 4)
	for _, s := range endings() {
		if !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	over := make(chan struct{})
	go func() { // ends with stop
		defer signal.Stop(caught)
		for {
			select {
			case s := <-caught:
				p.signalled(s, cancel)
			case <-over:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(over)
		signal.Stop(caught)
	})
}

func (p *Process) signalled(s os.Signal, cancel context.CancelCauseFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == os.Interrupt && p.interrupt != nil {
		p.interrupt()
		return
	}
	if p.ended != nil {
		if p.restore != nil {
			p.restore()
		}
		raise(s)
	}
	p.ended = s
	cancel(signalError{s})
}
