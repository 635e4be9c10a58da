package service

import (
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// ending is the end of a service, for which several callers may wait. A nil
// ending is over.
type ending struct {
	patient bool // waiters that are cancelled leave the end as it is
	d       deferred.Deferred[struct{}]
	over    bool
	err     error
	waiters []deferred.Deferred[struct{}]
}

// begin calls stop. When its Deferred has fired, begin calls ended, which
// returns the failure for the waiters. If there are none any more, the failure
// is logged.
func (e *ending) begin(stop func() deferred.Deferred[struct{}], ended func(err error) error) {
	e.d = deferred.MaybeDeferred(stop)
	if e.d == (deferred.Deferred[struct{}]{}) {
		e.d = deferred.Succeed(struct{}{})
	}
	later := false
	e.d.OnResult(func(_ struct{}, err error) {
		e.over, e.err = true, ended(err)
		waiters := e.waiters
		e.waiters = nil
		if later && e.err != nil && len(waiters) == 0 {
			deferred.LogErr(e.err)
		}
		for _, d := range waiters {
			fire(d, e.err)
		}
	})
	later = true
}

// wait returns a Deferred that fires at the end. When the last of these
// Deferreds is cancelled, the one of the service is cancelled, too.
func (e *ending) wait() deferred.Deferred[struct{}] {
	switch {
	case e == nil || e.over && e.err == nil:
		return deferred.Succeed(struct{}{})
	case e.over:
		return deferred.Fail[struct{}](e.err)
	}
	d := deferred.New(e.cancelled)
	e.waiters = append(e.waiters, d)
	return d
}

// cancelled is the canceller of the Deferreds of wait.
func (e *ending) cancelled(d deferred.Deferred[struct{}]) {
	if len(e.waiters) == 1 && !e.patient {
		e.d.Cancel() // fires d, if the service can end at once
		return
	}
	e.waiters = slices.DeleteFunc(e.waiters, func(w deferred.Deferred[struct{}]) bool { return w == d })
}

// fire gives d the result, unless d was cancelled.
func fire(d deferred.Deferred[struct{}], err error) {
	if err != nil {
		_ = d.TryErrback(err)
		return
	}
	_ = d.TryCallback(struct{}{})
}
