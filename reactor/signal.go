package reactor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalBox gives the atomic value one concrete type.
type signalBox struct{ os.Signal }

// watchSignals makes the first SIGINT or SIGTERM stop the reactor. The next one
// has its default action and ends the process, so that a user can end a
// shutdown that takes too long; a raw terminal is restored before. Signals that
// the process ignores stay ignored.
// A program that calls signal.Notify itself gets the signals as well.
func (r *Reactor) watchSignals() {
	if r.opts.NoSignals {
		return
	}
	caught := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	ended := make(chan struct{})
	r.stopSignals = sync.OnceFunc(func() { close(ended) })
	r.spawn(func() { // ends with the first or second signal, or with the loop
		defer signal.Stop(caught)
		select {
		case s := <-caught:
			raw := r.raw.interrupt()
			if !raw {
				signal.Stop(caught) // before anybody can see the effect of the first signal
			}
			r.CallFromThread(func() { r.signalled(s) })
			if !raw {
				return
			}
		case <-ended:
			return
		}
		select {
		case s := <-caught:
			r.raw.cook()
			signal.Stop(caught)
			resend(s)
		case <-ended:
		}
	})
}

func (r *Reactor) signalled(s os.Signal) {
	r.signal.Store(signalBox{s})
	r.logger().Debug("reactor: stopping because of a signal", "signal", s.String())
	_ = r.Stop() // fails if the reactor is stopping already
}
