package reactor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalBox gives the atomic value one concrete type.
type signalBox struct{ os.Signal }

// watchSignals makes SIGINT and SIGTERM stop the reactor (R44, R46). The first one is the last that is caught: the next has its default
// action and ends the process, so that a user can leave a shutdown that takes too long (R49). Signals that the process ignores stay ignored,
// and an application that has asked for them itself gets them as well (R47).
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
	r.spawn(func() { // ends with the first signal, or when the loop does
		defer signal.Stop(caught)
		select {
		case s := <-caught:
			signal.Stop(caught) // before anybody can see that the first has come
			r.CallFromThread(func() { r.signalled(s) })
		case <-ended:
		}
	})
}

func (r *Reactor) signalled(s os.Signal) {
	r.signal.Store(signalBox{s})
	r.logger().Debug("reactor: stopping because of a signal", "signal", s.String())
	_ = r.Stop() // an error means that it is stopping already
}
