package filetransfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred/deferredtest"
)

func TestSFTP60_ConnectionLost(t *testing.T) {
	for _, reason := range []error{nil, io.EOF, errors.New("broken pipe")} {
		c, m := connected(t)
		var order []string
		var all []*deferredtest.Observer[Status]
		for i := range 5 {
			name := fmt.Sprint(i)
			d := c.RemoveFile(name)
			d.AddErrback(func(err error) (Status, error) { order = append(order, name); return Status{}, err })
			all = append(all, deferredtest.Observe(d))
		}
		c.ConnectionLost(reason)
		c.ConnectionLost(errors.New("again"))
		c.DataReceived(statusReply(0, FXOK, "", ""))
		for _, o := range all {
			lost, ok := errors.AsType[*ConnectionLostError](o.Err)
			if !o.Fired || !ok || lost.Reason != reason || reason != nil && errors.Is(o.Err, reason) == (reason == io.EOF) {
				t.Errorf("reason %v: fired: %v, with %v", reason, o.Fired, o.Err)
			}
		}
		if !slices.IsSorted(order) {
			t.Errorf("failed in the order %v, want the oldest first", order)
		}
		if m.closed != 0 || len(c.pending) != 0 {
			t.Errorf("closed %d times, %d pending", m.closed, len(c.pending))
		}
	}
}

// C-SFTP-60: an EOF of the connection in the middle of a file or a directory is
// not the end of the file or the directory.
func TestSFTP60_LossIsNotTheEndOfAFile(t *testing.T) {
	cut := &net.OpError{Op: "read", Net: "tcp", Err: io.EOF}
	for name, tt := range map[string]struct {
		begin  func(c *FileTransferClient) watched
		answer []byte // reply to the first request
	}{
		"a chunk":         {begin: func(c *FileTransferClient) watched { return watch(testFile(c).ReadChunk(0, 10)) }},
		"a long chunk":    {func(c *FileTransferClient) watched { return watch(testFile(c).ReadChunk(0, 3*MaxChunk)) }, stringReply(fxpData, 0, "beginning")},
		"into a buffer":   {func(c *FileTransferClient) watched { return watch(testFile(c).ReadInto(0, make([]byte, 2*MaxChunk))) }, stringReply(fxpData, 0, "beginning")},
		"entries":         {begin: func(c *FileTransferClient) watched { return watch(testDirectory(c).Read()) }},
		"a directory":     {func(c *FileTransferClient) watched { return watch(testDirectory(c).ReadAll()) }, nameReply(0, Entry{Filename: "a"})},
		"after the end":   {func(c *FileTransferClient) watched { c.ConnectionLost(cut); return watch(testDirectory(c).ReadAll()) }, nil},
		"after that read": {func(c *FileTransferClient) watched { c.ConnectionLost(cut); return watch(testFile(c).ReadChunk(0, 10)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := connected(t)
			o := tt.begin(c)
			c.DataReceived(tt.answer)
			c.ConnectionLost(cut)
			lost, isLost := errors.AsType[*ConnectionLostError](o.Err)
			found, isOp := errors.AsType[*net.OpError](o.Err)
			if !o.Fired || !isLost || lost.Reason != error(cut) || !isOp || found != cut || !errors.Is(o.Err, cut) || errors.Is(o.Err, io.EOF) {
				t.Errorf("fired: %v, with %v", o.Fired, o.Err)
			}
			if !strings.HasSuffix(fmt.Sprint(o.Err), "connection lost: read tcp: EOF") {
				t.Errorf("%v", o.Err)
			}
		})
	}
}

func TestSFTP60_OldestFirstWhenIDsWrap(t *testing.T) {
	c, _ := connected(t)
	c.nextID = math.MaxUint32 - 2
	var order []int
	for i := range 6 {
		c.RemoveFile("x").AddErrback(func(error) (Status, error) { order = append(order, i); return Status{}, nil })
	}
	c.ConnectionLost(nil)
	if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("failed in the order %v", order)
	}
}

func TestSFTP61_RequestsAfterLoss(t *testing.T) {
	c, m := connected(t)
	reason := errors.New("reason")
	var nested watched
	c.RemoveFile("x").AddErrback(func(err error) (Status, error) {
		nested = watch(c.GetAttrs("from the errback", false))
		return Status{}, nil
	})
	other := watch(c.RemoveFile("y"))
	m.sent = nil
	c.ConnectionLost(reason)
	for name, o := range map[string]watched{"from the errback": nested, "later": watch(c.OpenFile("z", FXFRead, Attrs{})), "other": other} {
		if _, ok := errors.AsType[*ConnectionLostError](o.Err); !o.Fired || !ok || !errors.Is(o.Err, reason) {
			t.Errorf("%s: fired: %v, with %v", name, o.Fired, o.Err)
		}
	}
	if len(m.sent) != 0 {
		t.Error("something was sent on a lost connection")
	}
}

func TestSFTP61_ErrbackCancelsAnother(t *testing.T) {
	c, _ := connected(t)
	d2 := c.RemoveFile("never reached") // the oldest request: fails first
	o2 := deferredtest.Observe(d2)
	d1 := c.RemoveFile("x")
	d3 := c.RemoveFile("z")
	o3 := deferredtest.Observe(d3)
	d1.AddErrback(func(error) (Status, error) { d3.Cancel(); return Status{}, nil })
	c.ConnectionLost(io.ErrClosedPipe)
	if !o2.Fired || !errors.Is(o2.Err, io.ErrClosedPipe) {
		t.Errorf("before: %+v", o2)
	}
	if !o3.Fired || errors.Is(o3.Err, io.ErrClosedPipe) {
		t.Errorf("the cancelled one: %+v", o3)
	}
}

func TestSFTP62_BeforeMakeConnection(t *testing.T) {
	c := NewFileTransferClient()
	o := deferredtest.Observe(c.MakeDirectory("x", Attrs{}))
	if _, ok := errors.AsType[*ConnectionLostError](o.Err); !o.Fired || !ok || !errors.Is(o.Err, ErrNotConnected) {
		t.Errorf("%+v", o)
	}
	c.DataReceived(statusReply(0, FXOK, "", "")) // there is no connection: ignored
	m := new(memoryTransport)
	c.MakeConnection(m)
	deferredtest.Observe(c.RemoveFile("y"))
	if id := binary.BigEndian.Uint32(m.last()[1:]); id != 0 {
		t.Errorf("the first request that was sent has id %d", id)
	}
}

// C-SFTP-63: the client does not detect the end of the connection itself.
// Requests in flight wait until the owner of the transport calls
// ConnectionLost.
func TestSFTP63_OnlyTheOwnerReportsTheLoss(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.RemoveFile("x"))
	c.Transport().LoseConnection()
	if o.Fired {
		t.Errorf("%+v", o)
	}
	c.ConnectionLost(nil)
	if !o.Fired {
		t.Errorf("%+v", o)
	}
}

// TestReentrantTransport: a transport delivers replies from inside Write. If
// the client is in DataReceived, the new data is handled after the current
// data.
func TestReentrantTransport(t *testing.T) {
	c, m := connected(t)
	m.onWrite = func(p []byte) { c.DataReceived(statusReply(binary.BigEndian.Uint32(p[5:]), FXOK, string(p[13:]), "")) }
	if o := deferredtest.Observe(c.RemoveFile("x")); !o.Fired || o.Value.Message != "x" {
		t.Fatalf("answered at once: %+v", o)
	}

	m.onWrite = nil
	first, second := c.RemoveFile("a"), c.RemoveFile("b") // ids 1 and 2
	m.onWrite = func(p []byte) { c.DataReceived(statusReply(binary.BigEndian.Uint32(p[5:]), FXOK, "", "")) }
	var order []string
	note := func(name string) func(Status) (Status, error) {
		return func(s Status) (Status, error) { order = append(order, name); return s, nil }
	}
	first.AddCallback(note("first")).AddCallback(func(s Status) (Status, error) {
		c.RemoveFile("n").AddCallback(note("nested"))
		note("still first")(s)
		return s, nil
	})
	second.AddCallback(note("second"))
	c.DataReceived(append(statusReply(1, FXOK, "", ""), statusReply(2, FXOK, "", "")...))
	if !slices.Equal(order, []string{"first", "still first", "second", "nested"}) {
		t.Errorf("fired in the order %v", order)
	}
}

func TestReentrantLoss(t *testing.T) {
	c, _ := connected(t)
	c.RemoveFile("a").AddCallback(func(s Status) (Status, error) { c.ConnectionLost(io.ErrClosedPipe); return s, nil })
	b := deferredtest.Observe(c.RemoveFile("b"))
	c.GotServerVersion = func(uint32, map[string]string) { t.Error("a packet was looked at after the connection was lost") }
	c.DataReceived(slices.Concat(statusReply(0, FXOK, "", ""), versionPacket(3), statusReply(1, FXOK, "", "")))
	if !b.Fired || !errors.Is(b.Err, io.ErrClosedPipe) {
		t.Errorf("%+v", b)
	}
}
