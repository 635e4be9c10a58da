package conch

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/conch/internal/work"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// recorder is a channel that records sent messages and that can block.
type recorder struct {
	gossh.Channel
	mu      sync.Mutex // guards the following
	changed sync.Cond
	sent    []string
	stuck   bool // data is not taken
	closed  bool
}

func newRecorder(stuck bool) *recorder {
	r := &recorder{stuck: stuck}
	r.changed.L = &r.mu
	return r
}

func (r *recorder) note(format string, args ...any) {
	r.sent = append(r.sent, fmt.Sprintf(format, args...))
}

func (r *recorder) write(kind string, p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.stuck && !r.closed {
		r.changed.Wait()
	}
	if r.closed {
		return 0, io.EOF
	}
	r.note("%s %s", kind, p)
	return len(p), nil
}

func (r *recorder) Write(p []byte) (int, error) { return r.write("data", p) }
func (r *recorder) Stderr() io.ReadWriter       { return recordedStderr{r} }

type recordedStderr struct{ *recorder }

func (r recordedStderr) Write(p []byte) (int, error) { return r.write("ext", p) }

func (r *recorder) SendRequest(name string, wantReply bool, _ []byte) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, io.EOF
	}
	r.note("request %s", name)
	return true, nil
}

func (r *recorder) CloseWrite() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("eof")
	return nil
}

func (r *recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("close")
	r.closed = true
	r.changed.Broadcast()
	return nil
}

func (r *recorder) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck = false
	r.changed.Broadcast()
}

func (r *recorder) seen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.sent, ", ")
}

// request is an item that sends the request name and records its result.
func request(name string, answered func(granted bool, err error)) sendItem {
	return sendItem{kind: itemRequest, request: &sendRequest{name: name, sent: make(chan struct{}), answered: answered}}
}

func dataItem(text string) sendItem { return sendItem{kind: itemData, p: []byte(text), own: true} }
func extItem(text string) sendItem  { return sendItem{kind: itemExtended, p: []byte(text), own: true} }

// TestF30_CallOrder: data, extended data, requests, end-of-file and the close
// are sent in the order of the calls.
func TestF30_CallOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q sendQueue
		var g work.Group
		peer := newRecorder(false)
		ignored := func(bool, error) {}
		q.add(dataItem("before"))
		q.open(peer, &g, nil, func() {})
		for _, it := range []sendItem{dataItem("open"), request("a", ignored), dataItem("x"), extItem("y"), extItem("z"), dataItem("w"),
			request("exit-status", ignored), {kind: itemEOF}, {kind: itemEOF}, dataItem("dropped"), request("b", ignored), {kind: itemClose}, {kind: itemClose}} {
			q.add(it)
		}
		synctest.Wait()
		joined := strings.NewReplacer(", data ", "", "y, ext ", "y") // adjacent data may be sent as one piece
		got := joined.Replace(peer.seen())
		want := joined.Replace("data beforeopen, request a, data x, ext yz, data w, request exit-status, eof, request b, close")
		if got != want {
			t.Errorf("sent %s", peer.seen())
		}
		if !g.IsIdle() {
			t.Error("a goroutine is left")
		}
	})
}

// TestReplyPrecedes: what is added after an answer to the peer, and the close,
// wait until the answer is sent.
func TestReplyPrecedes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q sendQueue
		var g work.Group
		peer := newRecorder(false)
		q.open(peer, &g, nil, func() {})
		q.add(dataItem("before"))
		synctest.Wait()
		sent := make(chan struct{})
		q.afterReply(sent)
		for _, it := range []sendItem{dataItem("after"), request("r", func(bool, error) {}), {kind: itemEOF}, {kind: itemClose}} {
			q.add(it)
		}
		synctest.Wait()
		if got := peer.seen(); got != "data before" {
			t.Errorf("before the answer: %s", got)
		}
		close(sent)
		synctest.Wait()
		if got := peer.seen(); got != "data before, data after, request r, eof, close" || !g.IsIdle() {
			t.Errorf("sent %s", got)
		}
	})
}

// TestCVE_2026_39834_Pieces: x/crypto/ssh never gets as much in one write as a
// length of 32 bits cannot hold.
func TestCVE_2026_39834_Pieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q sendQueue
		var g work.Group
		peer := newRecorder(false)
		q.open(peer, &g, nil, func() {})
		q.add(sendItem{kind: itemData, p: make([]byte, 3*maxPiece+5)})
		synctest.Wait()
		var sizes []int
		for _, sent := range peer.sent {
			sizes = append(sizes, len(sent)-len("data "))
		}
		if !slices.Equal(sizes, []int{maxPiece, maxPiece, maxPiece, 5}) {
			t.Errorf("pieces of %d bytes", sizes)
		}
	})
}

// TestF30_RandomOrder: messages are sent in the order of random calls.
func TestF30_RandomOrder(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var q sendQueue
			var g work.Group
			peer := newRecorder(false)
			q.open(peer, &g, nil, func() {})
			var want []string
			for i := range 50 {
				text := fmt.Sprint(i)
				switch random.IntN(3) {
				case 0:
					q.add(sendItem{kind: itemData, p: []byte(text)})
					want = append(want, "data "+text)
				case 1:
					q.add(sendItem{kind: itemExtended, p: []byte(text)})
					want = append(want, "ext "+text)
				case 2:
					q.add(request(text, func(bool, error) {}))
					want = append(want, "request "+text)
				}
				if random.IntN(4) == 0 {
					synctest.Wait()
				}
			}
			q.add(sendItem{kind: itemClose})
			synctest.Wait()
			if got := peer.seen(); got != strings.Join(append(want, "close"), ", ") {
				t.Errorf("seed %d: sent %s", seed, got)
			}
		})
	}
}

// TestF30_RequestPassesStuckData: a signal does not wait for data that the peer
// does not accept. The other messages stay in order.
func TestF30_RequestPassesStuckData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q sendQueue
		var g work.Group
		peer := newRecorder(true)
		q.open(peer, &g, nil, func() {})
		q.add(dataItem("stdin"))
		synctest.Wait()
		answered := 0
		q.add(dataItem("more"))
		q.add(request("signal", func(bool, error) { answered++ }))
		q.add(dataItem("late"))
		q.add(sendItem{kind: itemEOF})
		q.add(request("second", func(bool, error) { answered++ }))
		synctest.Wait()
		if got := peer.seen(); got != "" {
			t.Errorf("sent %s at once", got)
		}
		<-after(passDelay)
		synctest.Wait()
		if got := peer.seen(); got != "request signal, request second" || answered != 2 {
			t.Errorf("sent %s, %d answered", got, answered)
		}
		peer.release()
		q.add(sendItem{kind: itemClose})
		synctest.Wait()
		if got := peer.seen(); got != "request signal, request second, data stdin, data more, data late, eof, close" {
			t.Errorf("sent %s", got)
		}
	})
}

// TestF30_Abort: an abort closes the channel at once. Unsent messages fail.
func TestF30_Abort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q sendQueue
		var g work.Group
		peer := newRecorder(true)
		q.open(peer, &g, nil, func() {})
		released := 0
		q.add(sendItem{kind: itemData, p: []byte("stuck"), release: func() { released++ }})
		q.add(sendItem{kind: itemData, p: []byte("queued"), release: func() { released++ }})
		var failed error
		q.add(request("never", func(_ bool, err error) { failed = err }))
		q.abort()
		q.add(sendItem{kind: itemData, p: []byte("late"), release: func() { released++ }})
		<-after(passDelay)
		synctest.Wait()
		if got := peer.seen(); got != "close" || released != 3 || !errors.Is(failed, io.EOF) {
			t.Errorf("sent %s, %d released, %v", got, released, failed)
		}
		q.end()
		if !g.IsIdle() {
			t.Error("a goroutine is left")
		}
	})
}

// TestReplies: a reply waits for the replies to earlier requests (RFC 4254,
// sections 4 and 5.4).
func TestReplies(t *testing.T) {
	tr := &SSHTransport{r: reactor.New(reactor.Options{}), service: &SSHConnection{}}
	var rs replies
	var list []*reply
	for range 4 {
		list = append(list, rs.add(tr, &gossh.Request{}))
	}
	var left []int
	for _, i := range []int{2, 1, 0, 3} {
		rs.answer(tr, list[i], true, nil)
		left = append(left, len(rs.waiting))
	}
	if want := []int{4, 4, 1, 0}; !slices.Equal(left, want) {
		t.Errorf("%v requests wait, want %v", left, want)
	}
}

// after returns a channel that is closed after d of fake time.
func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}
