package filetransfer

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestCancelledRequestKeepsItsID(t *testing.T) {
	c, m := connected(t)
	d := c.GetAttrs("x", false)
	o := deferredtest.Observe(d)
	d.Cancel()
	if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) {
		t.Fatalf("%+v", o)
	}
	c.nextID = 0
	other := deferredtest.Observe(c.GetAttrs("y", false))
	if m.last()[4] != 1 {
		t.Errorf("the id of a cancelled request was given to another")
	}
	c.DataReceived(attrsReply(0, Attrs{}.WithSize(1)))
	if !o.Fired || other.Fired || m.closed != 0 {
		t.Errorf("after the late answer: %+v, %+v", o, other)
	}
	c.DataReceived(attrsReply(1, Attrs{}.WithSize(2)))
	if !other.Fired || other.Value.Size != 2 {
		t.Errorf("%+v", other)
	}
	if len(c.pending) != 0 || c.abandoned != 0 {
		t.Errorf("%d pending, %d abandoned", len(c.pending), c.abandoned)
	}
}

func TestLateAnswers(t *testing.T) {
	for _, tt := range operations {
		for _, r := range goodReplies {
			t.Run(tt.name+" "+r.typ.String(), func(t *testing.T) {
				c, m := connected(t)
				tt.call(c).Cancel()
				m.sent = nil
				c.DataReceived(slices.Clone(r.frame))
				_, answers := tt.answers[r.typ]
				switch {
				case !answers && r.typ != fxpStatus:
					if m.closed != 1 || len(m.sent) != 0 {
						t.Errorf("a late answer of the wrong type: closed %d times, sent %q", m.closed, m.sent)
					}
				case r.typ == fxpHandle:
					want := "\x04\x00\x00\x00\x01\x00\x00\x00\x01H"
					if len(m.sent) != 1 || string(m.last()) != want {
						t.Fatalf("the handle was not closed: sent %q", m.sent)
					}
					c.DataReceived(statusReply(1, FXFailure, "", ""))
					fallthrough
				default:
					if len(c.pending) != 0 || c.abandoned != 0 || m.closed != 0 {
						t.Errorf("%d pending, %d abandoned, closed %d times", len(c.pending), c.abandoned, m.closed)
					}
				}
			})
		}
	}
}

// TestTimeLimit: when its time limit expires, a request is cancelled and fails
// with a *TimeoutError. A late reply is dropped. If it contains a handle, the
// handle is closed.
func TestTimeLimit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		call  func(c *FileTransferClient, clock deferred.Clock) watched
		reply []byte
		close bool
	}{
		{"stat", func(c *FileTransferClient, clock deferred.Clock) watched {
			return watch(c.GetAttrs("x", true).AddTimeout(clock, time.Second))
		},
			attrsReply(0, goodAttrs), false},
		{"read", func(c *FileTransferClient, clock deferred.Clock) watched {
			return watch(testFile(c).ReadChunk(0, 4).AddTimeout(clock, time.Second))
		},
			stringReply(fxpData, 0, "data"), false},
		{"open", func(c *FileTransferClient, clock deferred.Clock) watched {
			return watch(c.OpenFile("x", FXFRead, Attrs{}).AddTimeout(clock, time.Second))
		}, stringReply(fxpHandle, 0, "H"), true},
		{"opendir", func(c *FileTransferClient, clock deferred.Clock) watched {
			return watch(c.OpenDirectory("x").AddTimeout(clock, time.Second))
		},
			stringReply(fxpHandle, 0, "H"), true},
		{"open that is refused", func(c *FileTransferClient, clock deferred.Clock) watched {
			return watch(c.OpenFile("x", FXFRead, Attrs{}).AddTimeout(clock, time.Second))
		}, statusReply(0, FXNoSuchFile, "", ""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, m := connected(t)
			clock := reactortest.NewClock()
			o := tt.call(c, clock)
			m.sent = nil
			clock.Advance(time.Second - 1)
			if o.Fired {
				t.Fatal("fired too early")
			}
			clock.Advance(1)
			if _, isTimeout := errors.AsType[*deferred.TimeoutError](o.Err); !o.Fired || !isTimeout {
				t.Fatalf("fired: %v, with %v", o.Fired, o.Err)
			}
			c.DataReceived(tt.reply)
			if !o.Fired || m.closed != 0 || (len(m.sent) == 1) != tt.close {
				t.Errorf("after the late answer: fired: %v, closed %d times, sent %q", o.Fired, m.closed, m.sent)
			}
			if tt.close {
				c.DataReceived(statusReply(1, FXOK, "", ""))
			}
			if len(c.pending) != 0 || c.abandoned != 0 {
				t.Errorf("%d pending, %d abandoned", len(c.pending), c.abandoned)
			}
		})
	}
}

func TestLateHandleThatIsMalformed(t *testing.T) {
	c, m := connected(t)
	other := deferredtest.Observe(c.RemoveFile("y"))
	d := c.OpenFile("x", FXFRead, Attrs{})
	deferredtest.Observe(d)
	d.Cancel()
	c.DataReceived(stringReply(fxpHandle, 1, string(make([]byte, maxHandle+1))))
	wantProtocolError(t, other.Err, m, ErrMalformedReply)
}

func TestCancelledRequestAndConnectionLoss(t *testing.T) {
	c, _ := connected(t)
	d := c.OpenFile("x", FXFRead, Attrs{})
	o := deferredtest.Observe(d)
	d.Cancel()
	c.ConnectionLost(io.EOF)
	if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) {
		t.Errorf("%+v", o)
	}
}

func TestCancelAfterTheAnswerDoesNothing(t *testing.T) {
	c, _ := connected(t)
	d := c.RemoveFile("x")
	o := deferredtest.Observe(d)
	c.DataReceived(statusReply(0, FXOK, "", ""))
	d.Cancel()
	if !o.Fired || o.Err != nil || c.abandoned != 0 {
		t.Errorf("%+v, %d abandoned", o, c.abandoned)
	}
}

func TestCancelReadAll(t *testing.T) {
	c, m := connected(t)
	d := testDirectory(c).ReadAll()
	o := deferredtest.Observe(d)
	c.DataReceived(nameReply(0, Entry{Filename: "a"}))
	d.Cancel()
	if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) || c.abandoned != 1 {
		t.Fatalf("%+v, %d abandoned", o, c.abandoned)
	}
	c.DataReceived(nameReply(1, Entry{Filename: "b"}))
	if len(m.sent) != 2 || c.abandoned != 0 || m.closed != 0 {
		t.Errorf("%d requests, %d abandoned", len(m.sent), c.abandoned)
	}
}

func TestAbandonedRequestsAreBounded(t *testing.T) {
	c, m := connected(t)
	m.onWrite = func([]byte) { m.sent = nil }
	other := deferredtest.Observe(c.GetAttrs("y", false))
	for i := range maxAbandoned {
		d := c.RemoveFile("x")
		deferredtest.Observe(d)
		d.Cancel()
		if m.closed != 0 {
			t.Fatalf("closed after %d", i+1)
		}
	}
	c.DataReceived(statusReply(7, FXOK, "", "")) // one reply: one more request may be abandoned
	for range 2 {
		if m.closed != 0 {
			t.Fatal("closed too early")
		}
		d := c.RemoveFile("x")
		o := deferredtest.Observe(d)
		d.Cancel()
		if !o.Fired || !errors.Is(o.Err, deferred.ErrCancelled) {
			t.Errorf("%+v", o)
		}
	}
	wantProtocolError(t, other.Err, m, errTooManyAbandoned)
}
