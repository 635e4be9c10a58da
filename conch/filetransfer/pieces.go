package filetransfer

import (
	"errors"

	"github.com/hawser-go/hawser/deferred"
)

// maxInFlight is the maximum number of requests in flight for one long read or
// write.
const maxInFlight = 16

// pieces splits a long read or write, and keeps several pieces in flight.
type pieces struct {
	total int                                    // bytes
	most  int                                    // the maximum number of pieces in flight
	size  func() int                             // the maximum size of the next piece
	send  func(at, n int) deferred.Deferred[int] // fires with the number of bytes moved

	next     int // the position of the first byte that was not sent
	inFlight []piece
	stopped  bool // a piece has failed or moved fewer bytes than its size
}

type piece struct {
	size int
	done deferred.Deferred[int]
}

// run returns the number of bytes that were moved before the first piece that
// failed or was short, and the error of that piece. It sends nothing after such
// a piece, and returns when all pieces are answered. If the coroutine is
// cancelled, run cancels the pieces in flight and returns at once.
func (p *pieces) run(co *deferred.Coro) (moved int, err error) {
	for whole := true; p.fill(); {
		first := p.inFlight[0]
		p.inFlight = p.inFlight[1:]
		n, failed := deferred.Await(co, first.done)
		if errors.Is(failed, deferred.ErrCancelled) {
			p.cancel()
			return moved, failed
		}
		if whole {
			moved, err = moved+n, failed
			whole = failed == nil && n == first.size
		}
	}
	return moved, err
}

// fill sends pieces until enough are in flight. The result is whether any is in
// flight.
func (p *pieces) fill() bool {
	for p.next < p.total && len(p.inFlight) < p.most && !p.stopped {
		n := min(p.total-p.next, p.size())
		done := p.send(p.next, n)
		done.AddBoth(func(moved int, err error) (int, error) {
			p.stopped = p.stopped || err != nil || moved < n
			return moved, err
		})
		p.inFlight = append(p.inFlight, piece{n, done})
		p.next += n
	}
	return len(p.inFlight) > 0
}

func (p *pieces) cancel() {
	for _, left := range p.inFlight {
		left.done.AddErrback(func(error) (int, error) { return 0, nil })
		left.done.Cancel()
	}
}
