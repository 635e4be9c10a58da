package conch

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-go/hawser/conch/internal/work"
	gossh "golang.org/x/crypto/ssh"
)

// sendQueue sends everything that a channel sends, in the order of the calls:
// data, extended data, requests, end-of-file and the close. Adding to it never
// blocks the loop. A goroutine, which exists only while there is something to
// send, waits for the channel's window and the socket.
//
// One exception is Twisted's: a request does not wait for data that the peer's
// window holds back, for it may be the signal that ends a program which does
// not read. x/crypto/ssh does not tell whether a write waits for the window, so
// a request waits for the data before it up to passDelay.
type sendQueue struct {
	group  *work.Group
	socket *socket
	sent   atomic.Int64 // grows with everything that is sent
	used   func()       // called when data is sent; nil before the channel is open

	mu      sync.Mutex // guards the following
	peer    gossh.Channel
	items   []sendItem
	spare   []byte          // a buffer to be used again
	dead    bool            // nothing more is sent, except for the close
	over    bool            // nothing at all is sent
	ended   bool            // end-of-file or the close has been added; later data is dropped
	aborted bool            // the close does not wait for anything
	closed  bool            // the close has been sent or is being sent
	done    bool            // the close has been sent
	busy    bool            // the goroutine runs
	passing bool            // the goroutine of pass runs
	pending int             // bytes that are not sent
	added   int             // requests added so far
	due     int             // the number of the last request that no longer waits for data
	last    <-chan struct{} // closed when the request that was taken last is sent
	reply   <-chan struct{} // closed when the last reply to the peer is sent; nil before the first
	drained func()          // called off the loop when pending is 0; nil if nobody waits
	idle    []func()
}

type itemKind uint8

const (
	itemData itemKind = iota
	itemExtended
	itemRequest
	itemEOF
	itemClose
)

// sendItem is one entry of the queue.
type sendItem struct {
	kind    itemKind
	p       []byte
	own     bool   // p is a buffer of the queue that more data can be added to
	release func() // called, on any goroutine, when p is no longer needed; may be nil
	request *sendRequest
	after   <-chan struct{} // the reply to wait for; nil means none
}

// sendRequest is a request to send.
type sendRequest struct {
	name      string
	data      []byte
	wantReply bool
	answered  func(granted bool, err error) // called off the loop, once

	number int
	taken  bool          // some goroutine sends it
	sent   chan struct{} // closed when it is sent, or dropped
}

const (
	// passDelay is how long a request waits for the data before it.
	passDelay = 10 * time.Millisecond

	// maxSpare is the size of the largest buffer that an idle queue keeps.
	maxSpare = 8 << 10

	// maxPiece is the size of the pieces in which large data is written.
	maxPiece = 256 << 10
)

// add appends an item and returns the number of bytes that are not sent. It
// drops data that follows the end.
func (q *sendQueue) add(it sendItem) (pending int) {
	q.mu.Lock()
	pending, ok := q.append(it)
	q.mu.Unlock()
	if !ok {
		it.drop() // without the lock, for it calls functions of others
	}
	return pending
}

// append is add for a caller that holds the lock. ok is false if the item is
// dropped.
func (q *sendQueue) append(it sendItem) (pending int, ok bool) {
	isData := it.kind <= itemExtended
	if q.dead || q.ended && (isData || it.kind == itemEOF) || isData && len(it.p) == 0 {
		return q.pending, false
	}
	switch {
	case it.kind >= itemEOF:
		q.ended = true
	case isData && !it.own:
		q.pending += len(it.p)
	case isData:
		q.pending += len(it.p)
		if last := len(q.items) - 1; last >= 0 && q.items[last].own && q.items[last].kind == it.kind {
			q.items[last].p = append(q.items[last].p, it.p...)
			return q.pending, true
		}
		it.p = append(q.spare[:0], it.p...)
		q.spare = nil
	case it.kind == itemRequest:
		q.number(it.request)
	}
	q.items = append(q.items, it)
	q.wake()
	return q.pending, true
}

// number gives a request its number, and arranges for it to pass data.
func (q *sendQueue) number(r *sendRequest) {
	q.added++
	r.number = q.added
	if q.pending > 0 {
		time.AfterFunc(passDelay, func() { q.pass(r.number) }) // does nothing if all is sent
	}
}

// drop releases an item that is not sent.
func (it sendItem) drop() {
	if it.release != nil {
		it.release()
	}
	if r := it.request; r != nil && !r.taken {
		close(r.sent)
		r.answered(false, io.EOF)
	}
}

// open starts sending to the channel.
func (q *sendQueue) open(peer gossh.Channel, g *work.Group, s *socket, used func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.peer, q.group, q.socket, q.used = peer, g, s, used
	q.closeAborted()
	q.wake()
}

// afterReply makes everything that is not sent yet wait until a reply to a
// request of the peer is sent. Replies do not wait for the channel's window.
func (q *sendQueue) afterReply(done <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reply = done
}

// whenDrained arranges for f to be called, off the loop, once when no data is
// left to send. It replaces an earlier f.
func (q *sendQueue) whenDrained(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drained = f
	q.wake()
}

// whenIdle arranges for f to be called, on any goroutine, once when nothing is
// left to send.
func (q *sendQueue) whenIdle(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.busy && (len(q.items) == 0 || q.peer == nil) {
		f()
		return
	}
	q.idle = append(q.idle, f)
}

// kill drops what is not sent, and everything added later.
func (q *sendQueue) kill() { q.die(func() {}) }

// abort is kill, and closes the channel without waiting for a write that is in
// progress: the peer may never take it.
func (q *sendQueue) abort() {
	q.die(func() {
		q.ended, q.aborted = true, true
		q.closeAborted()
	})
}

// closeAborted closes an aborted channel, once it is open.
func (q *sendQueue) closeAborted() {
	if q.aborted && q.peer != nil && !q.closed && !q.over {
		q.closed = true
		q.group.Go(q.close) // ends when the socket takes the message
	}
}

// end is kill for a channel that is over: there is nothing to close either.
func (q *sendQueue) end() { q.die(func() { q.over = true }) }

func (q *sendQueue) die(also func()) {
	q.mu.Lock()
	q.dead = true
	items := q.items
	q.items, q.spare, q.pending = nil, nil, 0
	also()
	q.mu.Unlock()
	for _, it := range items {
		it.drop()
	}
}

// wake starts the goroutine of drain, which ends when there is nothing to do. A
// channel that is over makes its writes fail.
func (q *sendQueue) wake() {
	if !q.busy && !q.over && q.peer != nil {
		q.busy = true
		q.group.Go(q.drain)
	}
}

func (q *sendQueue) drain() {
	growStack(0)
	var last sendItem
	for {
		it, then := q.next(last)
		switch {
		case then != nil:
			then()
		case it.kind == itemData && it.p == nil:
			return
		default:
			q.send(it)
		}
		last = it
	}
}

// growStack makes the stack of a new goroutine large enough for a write of
// x/crypto/ssh. Otherwise the stack grows in the middle of the first write, where
// many frames must be moved: that takes three times as long as a goroutine.
//
//go:noinline
func growStack(i uint8) byte {
	var frame [6 << 10]byte
	return frame[i]
}

// next notes that last was sent and returns the next item, or a function to
// call instead. The zero item ends the goroutine.
func (q *sendQueue) next(last sendItem) (it sendItem, then func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.dead {
		q.pending -= len(last.p)
		if last.own && cap(last.p) <= maxSpare {
			q.spare = last.p[:0]
		}
	}
	switch {
	case q.drained != nil && q.pending == 0:
		then, q.drained = q.drained, nil
		return it, then
	case len(q.items) > 0:
		it = q.items[0]
		it.after = q.reply
		q.items[0] = sendItem{}
		if q.items = q.items[1:]; len(q.items) == 0 {
			q.items = nil
		}
		return it, nil
	case len(q.idle) > 0:
		then = q.idle[0]
		q.idle = q.idle[1:]
		return it, then
	}
	q.busy = false
	return it, nil
}

// send sends one item. A channel that is over needs no message; its data is
// dropped.
func (q *sendQueue) send(it sendItem) {
	defer q.sent.Add(1)
	if it.after != nil {
		<-it.after
	}
	switch it.kind {
	case itemData:
		q.write(q.peer, it)
	case itemExtended:
		q.write(q.peer.Stderr(), it)
	case itemRequest:
		q.sendRequest(it.request)
	case itemEOF:
		_ = q.peer.CloseWrite()
	case itemClose:
		if q.takeClose() {
			q.close()
		}
	}
}

func (q *sendQueue) write(to io.Writer, it sendItem) {
	for piece := range slices.Chunk(it.p, maxPiece) {
		if _, err := to.Write(piece); err != nil {
			q.kill()
			break
		}
		q.sent.Add(int64(len(piece)))
		q.used()
	}
	if it.release != nil {
		it.release()
	}
}

// take claims a request for the caller, who has to perform it after the request
// before it is sent. ok is false if another goroutine has claimed it.
func (q *sendQueue) take(r *sendRequest) (before <-chan struct{}, ok bool) {
	if r.taken {
		return nil, false
	}
	r.taken = true
	before, q.last = q.last, r.sent
	return before, true
}

func (q *sendQueue) takeClose() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.over {
		return false
	}
	q.closed = true
	return true
}

// close sends the close, which fails if the connection has ended.
func (q *sendQueue) close() {
	err := q.peer.Close()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = err == nil
}

// hasClosed reports whether the close has been sent.
func (q *sendQueue) hasClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.done
}

// sendRequest sends a request unless pass does, and returns when it is sent.
func (q *sendQueue) sendRequest(r *sendRequest) {
	q.mu.Lock()
	before, ok := q.take(r)
	q.mu.Unlock()
	if ok {
		q.perform(r, before)
	}
	<-r.sent
}

// perform sends a request after the one before it. A request that wants a reply
// is not sent before the reply to an earlier one: x/crypto/ssh has one place for
// it.
func (q *sendQueue) perform(r *sendRequest, before <-chan struct{}) {
	if before != nil {
		<-before
	}
	call := func() { r.answered(q.peer.SendRequest(r.name, r.wantReply, r.data)) }
	if r.wantReply {
		<-q.socket.start(q.group, call)
	} else {
		call()
	}
	close(r.sent)
}

// pass sends the requests up to that number although data before them is not
// sent.
func (q *sendQueue) pass(number int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.due = max(q.due, number)
	if !q.passing && !q.over && q.peer != nil && q.nextDue() != nil {
		q.passing = true
		q.group.Go(q.passAll)
	}
}

// passAll ends when no request is due.
func (q *sendQueue) passAll() {
	for {
		q.mu.Lock()
		r := q.nextDue()
		if r == nil {
			q.passing = false
			q.mu.Unlock()
			return
		}
		before, _ := q.take(r) // nextDue returns none that is taken
		reply := q.reply
		q.mu.Unlock()
		if reply != nil {
			<-reply
		}
		q.perform(r, before)
	}
}

// nextDue returns the first request that has waited for data long enough.
func (q *sendQueue) nextDue() *sendRequest {
	for _, it := range q.items {
		if r := it.request; r != nil && !r.taken && r.number <= q.due {
			return r
		}
	}
	return nil
}
