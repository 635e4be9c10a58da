// Package hook calls the functions that a user supplies, and turns their panics
// into errors.
package hook

import (
	"errors"
	"log/slog"

	"github.com/hawser-go/hawser/deferred"
)

// Call calls f. If f panics, Call returns the panic as a *deferred.PanicError.
func Call(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = deferred.NewPanicError(v)
		}
	}()
	f()
	return nil
}

// Log logs the error that Call returned for the hook of that name, with the
// stack of the panic.
func Log(logger *slog.Logger, name string, err error) {
	if p, ok := errors.AsType[*deferred.PanicError](err); ok {
		p.Log(logger, "conch: panic in "+name)
		return
	}
	logger.Error("conch: error in "+name, "err", err)
}
