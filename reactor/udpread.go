package reactor

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// datagramsAhead is the largest number of datagrams that a port reads ahead
	// of the loop, and bytesAhead the number of their bytes. Further datagrams
	// wait in the system, which drops them when its buffer is full.
	datagramsAhead = 64
	bytesAhead     = 512 << 10

	// readRetry is the longest pause after a failed read.
	readRetry = 50 * time.Millisecond
)

// datagram is a received datagram.
type datagram struct {
	data    []byte
	from    netip.AddrPort
	refused bool // there is no datagram: the peer has refused an earlier one of ours
}

// datagramSource reads the datagrams of a socket; see socketSource.
type datagramSource interface {
	// read waits for datagrams and stores at least one in into.
	read(into []datagram) (batch, error)
}

// batch is the result of a read.
type batch struct {
	n       int    // datagrams
	more    bool   // others may be waiting in the system
	dropped uint64 // by the system since the last batch
}

// datagramReader is the reading half of a UDP port. A goroutine fills the slots
// in turn, and the loop empties them in the same order. One post serves all
// slots that are filled by the time the loop runs it.
type datagramReader struct {
	u       *udpPort
	slots   []datagram
	filled  atomic.Int32 // slots that the loop has not given back
	waiting atomic.Bool  // the goroutine waits for the loop; who clears it sends to room
	room    chan struct{}
	done    chan struct{} // closed by stop
	arrive  func()
	dropped atomic.Uint64 // datagrams that the system has dropped

	first int // belongs to the loop: the slot to be emptied next

	// The other fields belong to the goroutine.
	source   datagramSource
	next     int // the slot to be filled next
	limit    int // of filled, while the goroutine may read
	failures int // reads that failed in a row
}

func (in *datagramReader) init(u *udpPort, maxPacketSize int) {
	in.u = u
	in.slots = make([]datagram, max(1, min(datagramsAhead, bytesAhead/maxPacketSize)))
	in.limit = len(in.slots)
	in.source = newSocketSource(u, maxPacketSize)
	in.room, in.done = make(chan struct{}, 1), make(chan struct{})
	in.arrive = in.arrived
}

// stop makes run return once the socket is closed. It must be called on the
// loop, once.
func (in *datagramReader) stop() { close(in.done) }

// run reads until the socket is closed.
func (in *datagramReader) run() {
	for in.waitForRoom() && in.read() {
	}
	in.u.r.queue.post(in.u.end)
}

// read waits for datagrams and puts them into slots. It returns false when the
// socket is closed.
//
// If there seem to be no more datagrams, the next read must wait until the loop
// has taken all. It then brings several, and the goroutine and the loop can take
// turns on one thread of the system.
func (in *datagramReader) read() bool {
	room := len(in.slots) - int(in.filled.Load())
	b, err := in.source.read(in.slots[in.next:min(in.next+room, len(in.slots))])
	switch {
	case err == nil:
		in.failures = 0
		in.dropped.Add(b.dropped)
		in.fill(b.n)
		in.limit = 1
		if b.more {
			in.limit = len(in.slots)
		}
	case errors.Is(err, net.ErrClosed):
		return false
	case isRefused(err):
		in.slots[in.next] = datagram{refused: true}
		in.fill(1)
	case !isTooLong(err): // where the system drops a long datagram instead of its end
		in.failed(err)
	}
	return true
}

// fill passes the next n slots to the loop. It wakes the loop, unless that was
// done for earlier slots.
func (in *datagramReader) fill(n int) {
	in.next = (in.next + n) % len(in.slots)
	if int(in.filled.Add(int32(n))) == n {
		in.u.r.queue.post(in.arrive)
	}
}

// failed logs the first of several failures in a row, and pauses. The next read
// may work again.
func (in *datagramReader) failed(err error) {
	if in.failures++; in.failures == 1 {
		in.u.r.logger().Error("reactor: receiving a datagram failed", "port", in.u.local, "err", err)
	}
	timer := time.NewTimer(min(time.Duration(in.failures)*time.Millisecond, readRetry))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-in.done:
	}
}

// waitForRoom waits until fewer slots than the limit are filled. It returns
// false after stop.
func (in *datagramReader) waitForRoom() bool {
	for in.full() {
		in.waiting.Store(true)
		if !in.full() && in.waiting.CompareAndSwap(true, false) {
			break
		}
		select {
		case <-in.room:
		case <-in.done:
			return false
		}
	}
	return true
}

func (in *datagramReader) full() bool { return int(in.filled.Load()) >= in.limit }

// arrived runs on the loop when there are filled slots. It empties those that
// are filled now. Others wait for the next iteration.
func (in *datagramReader) arrived() {
	n := in.filled.Load()
	for done := int32(0); done < n; {
		done += in.deliver(n - done)
	}
	if in.filled.Add(-n) > 0 {
		in.u.r.queue.post(in.arrive)
	}
	if in.waiting.CompareAndSwap(true, false) {
		in.room <- struct{}{}
	}
}

// deliver empties n slots, or those up to the first panic of the protocol,
// which it logs. It returns how many it has emptied.
func (in *datagramReader) deliver(n int32) (done int32) {
	u := in.u
	defer func() {
		if v := recover(); v != nil {
			_ = u.r.panicked("DatagramReceived of "+LogPrefix(u.p), v)
		}
	}()
	for done < n {
		d := in.slots[in.first]
		in.slots[in.first] = datagram{}
		in.first = (in.first + 1) % len(in.slots)
		done++
		u.received(d)
	}
	return done
}
