package reactor

import (
	"errors"
	"log/slog"

	"github.com/hawser-go/hawser/deferred"
)

// logError logs an error, a panic with its stack.
func (r *Reactor) logError(what string, err error, attrs ...any) {
	if p, ok := errors.AsType[*deferred.PanicError](err); ok {
		p.Log(r.logger(), what+": panic", attrs...)
		return
	}
	r.logger().Error(what, append(attrs, "err", err)...)
}

// Logger returns the logger of the options, or slog.Default(). Any goroutine
// may call Logger.
func (r *Reactor) Logger() *slog.Logger { return r.logger() }

func (r *Reactor) logger() *slog.Logger {
	if r.opts.Logger != nil {
		return r.opts.Logger
	}
	return slog.Default()
}

// guard runs f and logs a panic in it. what names f in the log.
func (r *Reactor) guard(what string, f func()) { _ = r.try(what, f) }

// try runs f. A panic in f is logged and returned as a *deferred.PanicError.
func (r *Reactor) try(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = r.panicked(what, v)
		}
	}()
	f()
	return nil
}

// panicked logs a recovered panic with its stack and returns it as an error.
func (r *Reactor) panicked(what string, v any) error {
	e := deferred.NewPanicError(v)
	e.Log(r.logger(), "reactor: panic in "+what)
	return e
}

// delayedPanicked logs a panic in a delayed call. With Options.Debug, the log
// also shows where the call was scheduled.
func (r *Reactor) delayedPanicked(c *DelayedCall, v any) {
	e := *deferred.NewPanicError(v)
	if site := r.timers.scheduledAt(c); site != "" {
		e.Stack = append(e.Stack[:len(e.Stack):len(e.Stack)], "\nscheduled at:\n"+site...)
	}
	e.Log(r.logger(), "reactor: panic in a delayed call")
}
