package agent_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

var goodIdentities = []agent.Identity{{Blob: []byte("blob one"), Comment: "one"}, {Blob: []byte("blob two"), Comment: ""}}

func identitiesBody(identities ...agent.Identity) string {
	var e wire.Encoder
	e.Uint32(uint32(len(identities)))
	for _, i := range identities {
		e.Bytes(i.Blob)
		e.String(i.Comment)
	}
	return string(e.Data())
}

// operations has a row per request: how it is called, its bytes, the answer that is due, and what it gives.
var operations = []struct {
	op      string
	call    func(*agent.SSHAgentClient) deferred.Deferred[any]
	request []byte
	reply   []byte
	want    any
}{
	{"request identities", func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.RequestIdentities()) },
		raw(11, ""), raw(12, identitiesBody(goodIdentities...)), goodIdentities},
	{"request identities", func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.RequestIdentities()) },
		raw(11, ""), raw(12, identitiesBody()), []agent.Identity{}},
	{"sign", func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.SignData([]byte("blob"), []byte("data"), agent.SignRSASHA512))
	},
		raw(13, str("blob", "data")+"\x00\x00\x00\x04"), raw(14, str(str("type", "bytes"))), []byte(str("type", "bytes"))},
	{"add identity", func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.AddIdentity([]byte("private"), "comment", agent.Constraints{}))
	}, raw(17, "private"+str("comment")), raw(6, ""), struct{}{}},
	{"add identity", func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.AddIdentity([]byte("private"), "comment", agent.Constraints{Lifetime: 90*time.Second + 1, Confirm: true}))
	}, raw(25, "private"+str("comment")+"\x01\x00\x00\x00\x5b\x02"), raw(6, ""), struct{}{}},
	{"remove identity", func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.RemoveIdentity([]byte("blob")))
	},
		raw(18, str("blob")), raw(6, ""), struct{}{}},
	{"remove all identities", func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.RemoveAllIdentities()) },
		raw(19, ""), raw(6, ""), struct{}{}},
	{"lock", func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.Lock([]byte("pass"))) },
		raw(22, str("pass")), raw(6, ""), struct{}{}},
	{"unlock", func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.Unlock([]byte("pass"))) },
		raw(23, str("pass")), raw(6, ""), struct{}{}},
	{"request AGENTC_EXTENSION", func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.SendRequest(agent.AgentcExtension, []byte(str("query"))))
	}, raw(27, str("query")), raw(6, "data"), agent.Reply{Type: agent.AgentSuccess, Data: []byte("data")}},
}

func TestC_KEYS_20_RequestsAndReplies(t *testing.T) {
	for _, tt := range operations {
		c, m := connected(t)
		o := deferredtest.Observe(tt.call(c))
		if got := m.take(); !bytes.Equal(got, tt.request) {
			t.Errorf("%s: sent %q, want %q", tt.op, got, tt.request)
		}
		if o.Fired {
			t.Errorf("%s: fired before the answer", tt.op)
		}
		c.DataReceived(slices.Clone(tt.reply))
		if !o.Fired || o.Err != nil || !reflect.DeepEqual(o.Value, tt.want) {
			t.Errorf("%s: fired: %v, with %v, %v; want %v", tt.op, o.Fired, o.Value, o.Err, tt.want)
		}
	}
}

func TestC_KEYS_20_Failure(t *testing.T) {
	for _, tt := range operations {
		for _, failure := range []agent.MessageType{agent.AgentFailure, agent.AgentExtensionFailure} {
			c, m := connected(t)
			o := deferredtest.Observe(tt.call(c))
			c.DataReceived(raw(failure, ""))
			op, ok := errors.AsType[*agent.OpError](o.Err)
			if !o.Fired || !ok || op.Op != tt.op || !errors.Is(o.Err, agent.ErrRefused) || m.closed != 0 {
				t.Errorf("%s: fired: %v, with %v, closed %d times", tt.op, o.Fired, o.Err, m.closed)
			}
		}
	}
}

// All requests go out at once; their answers, cut in chunks of every size, fire them in order.
func TestC_KEYS_20_PipelinedInAnyChunking(t *testing.T) {
	var stream []byte
	for _, tt := range operations {
		stream = append(stream, tt.reply...)
	}
	for size := 1; size <= len(stream); size++ {
		c, _ := connected(t)
		var all []*deferredtest.Observer[any]
		for _, tt := range operations {
			all = append(all, deferredtest.Observe(tt.call(c)))
		}
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			c.DataReceived(chunk)
			open := false
			for i, o := range all {
				if open = open || !o.Fired; open && o.Fired {
					t.Fatalf("chunks of %d: request %d fired before an earlier one", size, i)
				}
			}
		}
		for i, o := range all {
			if !o.Fired || o.Err != nil || !reflect.DeepEqual(o.Value, operations[i].want) {
				t.Fatalf("chunks of %d: request %d fired: %v, with %v, %v", size, i, o.Fired, o.Value, o.Err)
			}
		}
	}
}

// What was decoded is not changed by what the transport does with its buffer afterwards.
func TestResultsAreCopies(t *testing.T) {
	for _, tt := range operations {
		c, _ := connected(t)
		o := deferredtest.Observe(tt.call(c))
		chunk := slices.Clone(tt.reply)
		c.DataReceived(chunk)
		clear(chunk)
		if o.Err != nil || !reflect.DeepEqual(o.Value, tt.want) {
			t.Errorf("%s: became %v, %v", tt.op, o.Value, o.Err)
		}
	}
}

// C-KEYS-20: an answer of another type, one that is cut short, one to no request or of a bad length ends the connection for all.
func TestC_KEYS_20_ProtocolErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		reply []byte
		want  error
	}{
		"wrong type":           {raw(14, str(str("type", "bytes"))), agent.ErrUnexpectedReply},
		"success":              {raw(6, ""), agent.ErrUnexpectedReply},
		"unknown type":         {raw(200, ""), agent.ErrUnexpectedReply},
		"a request":            {raw(11, ""), agent.ErrUnexpectedReply},
		"no count":             {raw(12, "\x00\x00"), agent.ErrMalformed},
		"lying count":          {raw(12, "\xff\xff\xff\xff"), agent.ErrMalformed},
		"count of one too few": {raw(12, "\x00\x00\x00\x02"+str("blob", "comment")), agent.ErrMalformed},
		"blob cut short":       {raw(12, "\x00\x00\x00\x01\x00\x00\x00\xffabc\x00\x00\x00\x00"), agent.ErrMalformed},
		"empty":                {[]byte{0, 0, 0, 0}, agent.ErrMessageLength},
		"too long":             {[]byte{0, 4, 0, 1}, agent.ErrMessageLength},
		"endless":              {[]byte{0xff, 0xff, 0xff, 0xff}, agent.ErrMessageLength},
	} {
		c, m := connected(t)
		first, second := deferredtest.Observe(deferred.Any(c.RequestIdentities())), deferredtest.Observe(deferred.Any(c.Lock(nil)))
		c.DataReceived(tt.reply)
		for _, o := range []*deferredtest.Observer[any]{first, second} {
			if _, ok := errors.AsType[*agent.ProtocolError](o.Err); !o.Fired || !ok {
				t.Errorf("%s: fired: %v, with %v", name, o.Fired, o.Err)
			}
			lostBecause(t, o.Err, tt.want)
		}
		if m.closed != 1 {
			t.Errorf("%s: closed %d times", name, m.closed)
		}
		c.DataReceived(raw(6, ""))
		lostBecause(t, deferredtest.Observe(c.RequestIdentities()).Err, tt.want)
	}
}

func TestC_KEYS_20_MalformedSignature(t *testing.T) {
	for _, body := range []string{"", "\x00\x00\x00\x05abc", str(""), str("type"), str(str("type")), str(str("type") + "\x00\x00\x00\x09abc")} {
		c, _ := connected(t)
		o := deferredtest.Observe(c.SignData(nil, nil, 0))
		c.DataReceived(raw(14, body))
		lostBecause(t, o.Err, agent.ErrMalformed)
	}
}

func TestReplyToNoRequest(t *testing.T) {
	c, m := connected(t)
	c.DataReceived(raw(6, ""))
	if m.closed != 1 {
		t.Errorf("closed %d times", m.closed)
	}
	lostBecause(t, deferredtest.Observe(c.RequestIdentities()).Err, agent.ErrUnexpectedReply)
}

func TestAbortInsteadOfClose(t *testing.T) {
	c, a := agent.NewSSHAgentClient(), new(abortingTransport)
	c.MakeConnection(a)
	c.DataReceived(raw(6, ""))
	if a.aborted != 1 || a.closed != 0 {
		t.Errorf("aborted %d times, closed %d times", a.aborted, a.closed)
	}
}

// A transport that reports the loss from inside LoseConnection: the reason that counts is the protocol error.
func TestTransportReportsLossAtOnce(t *testing.T) {
	c, m := connected(t)
	m.onClose = func() { c.ConnectionLost(errReason) }
	o := deferredtest.Observe(c.RequestIdentities())
	c.DataReceived(raw(6, ""))
	lostBecause(t, o.Err, agent.ErrUnexpectedReply)
}

func TestLongestMessages(t *testing.T) {
	c, m := connected(t)
	o := deferredtest.Observe(c.RequestIdentities())
	long := agent.Identity{Blob: make([]byte, agent.MaxMessage-1-4-8), Comment: ""}
	c.DataReceived(raw(12, identitiesBody(long)))
	if !o.Fired || o.Err != nil || len(o.Value) != 1 || len(o.Value[0].Blob) != len(long.Blob) {
		t.Errorf("the longest answer: fired: %v, with %d, %v", o.Fired, len(o.Value), o.Err)
	}
	m.take()
	deferredtest.Observe(c.Lock(make([]byte, agent.MaxMessage-5)))
	if sent := m.take(); len(sent) != 4+agent.MaxMessage {
		t.Errorf("the longest request: %d bytes sent", len(sent))
	}
	refused := deferredtest.Observe(c.Lock(make([]byte, agent.MaxMessage-4)))
	if !errors.Is(refused.Err, agent.ErrMessageTooLong) || len(m.sent) != 0 {
		t.Errorf("one more: %v, %d messages sent", refused.Err, len(m.sent))
	}
}

func TestLifetimeOutOfBounds(t *testing.T) {
	for _, tt := range []struct {
		lifetime time.Duration
		ok       bool
	}{{-1, false}, {1, true}, {(1<<32 - 1) * time.Second, true}, {(1<<32-1)*time.Second + 1, false}} {
		c, m := connected(t)
		o := deferredtest.Observe(c.AddIdentity(nil, "", agent.Constraints{Lifetime: tt.lifetime}))
		if tt.ok == errors.Is(o.Err, agent.ErrLifetime) || tt.ok == (len(m.sent) == 0) {
			t.Errorf("%v: %v, %d messages sent", tt.lifetime, o.Err, len(m.sent))
		}
	}
}

func TestC_KEYS_22_ConnectionLost(t *testing.T) {
	for _, reason := range []error{nil, io.EOF, errors.New("broken pipe")} {
		c, m := connected(t)
		var order []int
		var all []*deferredtest.Observer[struct{}]
		for i := range 5 {
			d := c.RemoveAllIdentities()
			d.AddErrback(func(err error) (struct{}, error) { order = append(order, i); return struct{}{}, err })
			all = append(all, deferredtest.Observe(d))
		}
		c.ConnectionLost(reason)
		c.ConnectionLost(errors.New("again"))
		c.DataReceived(raw(6, ""))
		for _, o := range all {
			lost, ok := errors.AsType[*agent.ConnectionLostError](o.Err)
			if !o.Fired || !ok || lost.Reason != reason {
				t.Errorf("reason %v: fired: %v, with %v", reason, o.Fired, o.Err)
			}
		}
		if !slices.IsSorted(order) || m.closed != 0 {
			t.Errorf("failed in the order %v, closed %d times", order, m.closed)
		}
	}
}

func TestC_KEYS_22_RequestsFromTheErrback(t *testing.T) {
	c, m := connected(t)
	var nested *deferredtest.Observer[[]agent.Identity]
	first := c.RequestIdentities()
	second := c.RequestIdentities()
	third := deferredtest.Observe(c.RequestIdentities())
	first.AddErrback(func(error) ([]agent.Identity, error) {
		nested = deferredtest.Observe(c.RequestIdentities())
		second.Cancel()
		return nil, nil
	})
	cancelled := deferredtest.Observe(second)
	m.take()
	c.ConnectionLost(errReason)
	lostBecause(t, nested.Err, errReason)
	lostBecause(t, third.Err, errReason)
	if !cancelled.Fired || !errors.Is(cancelled.Err, deferred.ErrCancelled) || len(m.sent) != 0 {
		t.Errorf("fired: %v, with %v, %d messages sent", cancelled.Fired, cancelled.Err, len(m.sent))
	}
}

func TestC_KEYS_22_OnlyTheOwnerReportsTheLoss(t *testing.T) {
	c, _ := connected(t)
	o := deferredtest.Observe(c.RequestIdentities())
	c.Transport().LoseConnection()
	if o.Fired {
		t.Errorf("fired with %v", o.Err)
	}
	c.ConnectionLost(nil)
	if !o.Fired {
		t.Error("did not fire")
	}
}

func TestBeforeMakeConnection(t *testing.T) {
	c := agent.NewSSHAgentClient()
	lostBecause(t, deferredtest.Observe(c.RequestIdentities()).Err, agent.ErrNotConnected)
	c.DataReceived(raw(6, "")) // from nowhere
	m := new(memoryTransport)
	c.MakeConnection(m)
	if deferredtest.Observe(c.RequestIdentities()); len(m.sent) != 1 || c.Transport() != m {
		t.Errorf("%d messages sent", len(m.sent))
	}
	defer func() {
		if recover() == nil {
			t.Error("a second MakeConnection did not panic")
		}
	}()
	c.MakeConnection(m)
}

func TestLostBeforeMakeConnection(t *testing.T) {
	c, m := agent.NewSSHAgentClient(), new(memoryTransport)
	c.ConnectionLost(errReason)
	c.MakeConnection(m)
	lostBecause(t, deferredtest.Observe(c.RequestIdentities()).Err, errReason)
	if c.Transport() != nil || len(m.sent) != 0 {
		t.Error("the transport was used")
	}
}

// The late answer of a cancelled request is dropped, whatever it says, and the next one gets its own.
func TestCancel(t *testing.T) {
	for _, late := range [][]byte{raw(12, identitiesBody(goodIdentities...)), raw(5, "")} {
		c, _ := connected(t)
		first, second := deferredtest.Observe(c.RequestIdentities()), deferredtest.Observe(c.Lock(nil))
		first.Cancel()
		if !first.Fired || !errors.Is(first.Err, deferred.ErrCancelled) {
			t.Errorf("fired: %v, with %v", first.Fired, first.Err)
		}
		c.DataReceived(late)
		if second.Fired {
			t.Error("the second was answered by the answer to the first")
		}
		c.DataReceived(raw(6, ""))
		if !first.Fired || !second.Fired || second.Err != nil {
			t.Errorf("first: %v, second: %v, with %v", first.Fired, second.Fired, second.Err)
		}
	}
}

// A cancelled request is still answered in its turn: by something else it is a protocol error.
func TestCancelledRequestWantsItsAnswer(t *testing.T) {
	c, _ := connected(t)
	first, second := deferredtest.Observe(c.RequestIdentities()), deferredtest.Observe(c.Lock(nil))
	first.Cancel()
	c.DataReceived(raw(6, ""))
	lostBecause(t, second.Err, agent.ErrUnexpectedReply)
}

func TestMaxAbandoned(t *testing.T) {
	c, m := connected(t)
	for range 2 { // those that were answered do not count any more
		for range agent.MaxAbandoned {
			deferredtest.Observe(c.Lock(nil)).Cancel()
		}
		if m.closed != 0 {
			t.Fatal("closed too early")
		}
		for range agent.MaxAbandoned {
			c.DataReceived(raw(6, ""))
		}
	}
	for range agent.MaxAbandoned {
		deferredtest.Observe(c.Lock(nil)).Cancel()
	}
	waiting, last := deferredtest.Observe(c.RequestIdentities()), deferredtest.Observe(c.Lock(nil))
	last.Cancel()
	if m.closed != 1 || !last.Fired || !errors.Is(last.Err, deferred.ErrCancelled) {
		t.Errorf("closed %d times, the last fired: %v, with %v", m.closed, last.Fired, last.Err)
	}
	lostBecause(t, waiting.Err, agent.ErrTooManyAbandoned)
}

// A transport that answers from inside Write: what comes while the client is in DataReceived goes behind what it is working on.
func TestReentrantTransport(t *testing.T) {
	c, m := connected(t)
	first, second := c.Lock(nil), c.Lock(nil)
	m.onWrite = func([]byte) { c.DataReceived(raw(6, "")) }
	var order []string
	note := func(name string) func(struct{}) (struct{}, error) {
		return func(s struct{}) (struct{}, error) { order = append(order, name); return s, nil }
	}
	first.AddCallback(note("first")).AddCallback(func(s struct{}) (struct{}, error) {
		c.Lock(nil).AddCallback(note("nested"))
		return note("still first")(s)
	})
	second.AddCallback(note("second"))
	c.DataReceived(append(raw(6, ""), raw(6, "")...))
	if !slices.Equal(order, []string{"first", "still first", "second", "nested"}) {
		t.Errorf("fired in the order %v", order)
	}
	if o := deferredtest.Observe(c.Lock(nil)); !o.Fired {
		t.Error("answered at once, and not fired")
	}
}

func TestReentrantLoss(t *testing.T) {
	c, _ := connected(t)
	c.Lock(nil).AddCallback(func(s struct{}) (struct{}, error) { c.ConnectionLost(errReason); return s, nil })
	o := deferredtest.Observe(c.Lock(nil))
	c.DataReceived(append(raw(6, ""), raw(6, "")...))
	lostBecause(t, o.Err, errReason)
}

func TestErrorTexts(t *testing.T) {
	c, _ := connected(t)
	lock, list := deferredtest.Observe(c.Lock(nil)), deferredtest.Observe(c.RequestIdentities())
	c.DataReceived(raw(5, ""))
	c.DataReceived(raw(14, ""))
	for want, err := range map[string]error{
		"agent: lock: refused by the agent": lock.Err,
		"agent: request identities: connection lost: protocol error: AGENT_SIGN_RESPONSE: reply of the wrong type, or to no request: AGENT_IDENTITIES_ANSWER is due": list.Err,
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if s := fmt.Sprint(agent.MessageType(77)); !strings.Contains(s, "77") {
		t.Error(s)
	}
}
