package reactor

import (
	"log/slog"

	"github.com/hawser-go/hawser/deferred"
)

func (r *Reactor) logger() *slog.Logger {
	if r.opts.Logger != nil {
		return r.opts.Logger
	}
	return slog.Default()
}

// guard runs f and logs a panic in it. what names the callback in the log.
func (r *Reactor) guard(what string, f func()) { _ = r.try(what, f) }

// try runs f. A panic in it is logged and returned as a *PanicError (R533).
func (r *Reactor) try(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = r.panicked(what, v)
		}
	}()
	f()
	return nil
}

// panicked logs a recovered panic, with the stack it happened on, and returns it as an error.
func (r *Reactor) panicked(what string, v any) error {
	e := deferred.NewPanicError(v)
	e.Log(r.logger(), "reactor: panic in "+what)
	return e
}

// Logger returns the logger of the options, or slog's default. Any goroutine may call it.
func (r *Reactor) Logger() *slog.Logger { return r.logger() }
