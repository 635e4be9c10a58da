package agent_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
)

// served is a server on a transport in memory, with the failures that it reported.
type served struct {
	*agent.SSHAgentServer
	*memoryTransport
	failures []error
}

func serve(store agent.KeyStore) *served {
	s := &served{SSHAgentServer: agent.NewSSHAgentServer(store), memoryTransport: new(memoryTransport)}
	s.RequestFailed = func(_ agent.MessageType, err error) { s.failures = append(s.failures, err) }
	s.MakeConnection(s.memoryTransport)
	return s
}

// failsWith checks that the one failure since the last time is this one.
func (s *served) failsWith(t *testing.T, what string, want error) {
	t.Helper()
	if len(s.failures) != 1 || !errors.Is(s.failures[0], want) {
		t.Errorf("%s: failed with %v, want %v", what, s.failures, want)
	}
	s.failures = nil
}

// recorder is a store that keeps its calls and answers when the test says so.
type recorder struct {
	calls   []string
	waiting []func(error) // fires the Deferred of each call that waits
	slow    bool
	cancels int
	list    []agent.Identity
	sign    []byte
}

func record[T any](r *recorder, call string, v T) deferred.Deferred[T] {
	r.calls = append(r.calls, call)
	if !r.slow {
		return deferred.Succeed(v)
	}
	d := deferred.New(func(deferred.Deferred[T]) { r.cancels++ })
	r.waiting = append(r.waiting, func(err error) {
		if err != nil {
			d.Errback(err)
		} else {
			d.Callback(v)
		}
	})
	return d
}

func (r *recorder) RequestIdentities() deferred.Deferred[[]agent.Identity] {
	return record(r, "list", r.list)
}

func (r *recorder) SignData(blob, data []byte, flags agent.SignFlags) deferred.Deferred[[]byte] {
	return record(r, "sign "+string(blob)+" "+string(data)+" "+string(rune('0'+flags)), r.sign)
}

func (r *recorder) AddIdentity(blob []byte, comment string, c agent.Constraints) deferred.Deferred[struct{}] {
	call := "add " + string(blob) + " " + comment
	if c.Lifetime != 0 {
		call += " " + c.Lifetime.String()
	}
	if c.Confirm {
		call += " confirm"
	}
	return record(r, call, struct{}{})
}

func (r *recorder) RemoveIdentity(blob []byte) deferred.Deferred[struct{}] {
	return record(r, "remove "+string(blob), struct{}{})
}

func (r *recorder) RemoveAllIdentities() deferred.Deferred[struct{}] {
	return record(r, "remove all", struct{}{})
}

func (r *recorder) Lock(p []byte) deferred.Deferred[struct{}] {
	return record(r, "lock "+string(p), struct{}{})
}

func (r *recorder) Unlock(p []byte) deferred.Deferred[struct{}] {
	return record(r, "unlock "+string(p), struct{}{})
}

// requests has a row per request: its bytes, the call that it makes, and the answer.
var requests = []struct {
	name    string
	request []byte
	call    string
	reply   []byte
}{
	{"list", raw(11, ""), "list", raw(12, identitiesBody(goodIdentities...))},
	{"sign", raw(13, str("blob", "data")+"\x00\x00\x00\x04"), "sign blob data 4", raw(14, str("signature"))},
	{"add", raw(17, str("ssh-ed25519", "A", "KA", "comment")), "add " + str("ssh-ed25519", "A", "KA") + " comment", raw(6, "")},
	{"add constrained", raw(25, str("ssh-ed25519", "A", "KA", "comment")+"\x02\x01\x00\x00\x00\x3c"),
		"add " + str("ssh-ed25519", "A", "KA") + " comment 1m0s confirm", raw(6, "")},
	{"remove", raw(18, str("blob")), "remove blob", raw(6, "")},
	{"remove all", raw(19, ""), "remove all", raw(6, "")},
	{"lock", raw(22, str("pass")), "lock pass", raw(6, "")},
	{"unlock", raw(23, str("pass")), "unlock pass", raw(6, "")},
}

func newRecorder() *recorder { return &recorder{list: goodIdentities, sign: []byte("signature")} }

func TestC_KEYS_23_Requests(t *testing.T) {
	for _, tt := range requests {
		r := newRecorder()
		s := serve(r)
		s.DataReceived(slices.Clone(tt.request))
		if got := s.take(); !slices.Equal(r.calls, []string{tt.call}) || !bytes.Equal(got, tt.reply) || s.failures != nil {
			t.Errorf("%s: called %q, answered %q, failed with %v; want %q", tt.name, r.calls, got, s.failures, tt.reply)
		}
	}
}

func TestC_KEYS_23_InAnyChunking(t *testing.T) {
	var stream, want []byte
	for _, tt := range requests {
		stream, want = append(stream, tt.request...), append(want, tt.reply...)
	}
	for size := 1; size <= len(stream); size++ {
		s := serve(newRecorder())
		for chunk := range slices.Chunk(slices.Clone(stream), size) {
			s.DataReceived(chunk)
		}
		if got := s.take(); !bytes.Equal(got, want) {
			t.Fatalf("chunks of %d: answered %q", size, got)
		}
	}
}

// One request is with the store at a time; the next one waits for its answer, whatever it is.
func TestOneRequestAtATime(t *testing.T) {
	r := newRecorder()
	r.slow = true
	s := serve(r)
	for _, tt := range requests {
		s.DataReceived(slices.Clone(tt.request))
	}
	for i, tt := range requests {
		if len(r.calls) != i+1 || r.calls[i] != tt.call || len(s.sent) != 0 {
			t.Fatalf("%s: %d calls, %d answers", tt.name, len(r.calls), len(s.sent))
		}
		want := tt.reply
		var err error
		if i%2 == 1 {
			want, err = raw(5, ""), errReason
		}
		r.waiting[i](err)
		if got := s.take(); !bytes.Equal(got, want) {
			t.Errorf("%s: answered %q", tt.name, got)
		}
	}
}

func TestC_KEYS_23_MissingKeyStore(t *testing.T) {
	for _, tt := range requests {
		s := serve(nil)
		s.DataReceived(slices.Clone(tt.request))
		if got := s.take(); !bytes.Equal(got, raw(5, "")) || s.closed != 0 {
			t.Errorf("%s: answered %q, closed %d times", tt.name, got, s.closed)
		}
		s.failsWith(t, tt.name, agent.ErrMissingKeyStore)
	}
}

func TestC_KEYS_23_Version1(t *testing.T) {
	s := serve(newRecorder())
	for request, want := range map[string]string{
		string(raw(1, "")): string(raw(2, "\x00\x00\x00\x00")), string(raw(8, "key")): string(raw(6, "")), string(raw(9, "")): string(raw(6, "")),
	} {
		s.DataReceived([]byte(request))
		if got := s.take(); string(got) != want {
			t.Errorf("%q: answered %q, want %q", request, got, want)
		}
	}
}

// What a server does not understand is answered with a failure; the requests after it are served.
func TestC_KEYS_23_Refused(t *testing.T) {
	ed := str("ssh-ed25519", "A", "KA", "comment")
	for name, tt := range map[string]struct {
		request []byte
		want    error
	}{
		"unknown":                {raw(200, ""), agent.ErrUnknownRequest},
		"a reply":                {raw(6, ""), agent.ErrUnknownRequest},
		"add version 1":          {raw(7, ""), agent.ErrUnknownRequest},
		"smartcard":              {raw(20, str("id", "pin")), agent.ErrUnknownRequest},
		"extension":              {raw(27, str("query")), agent.ErrUnknownRequest},
		"sign, no flags":         {raw(13, str("blob", "data")), agent.ErrMalformed},
		"sign, no data":          {raw(13, str("blob")), agent.ErrMalformed},
		"sign, trailing":         {raw(13, str("blob", "data")+"\x00\x00\x00\x00x"), agent.ErrMalformed},
		"remove, nothing":        {raw(18, ""), agent.ErrMalformed},
		"remove, trailing":       {raw(18, str("blob", "more")), agent.ErrMalformed},
		"lock, cut":              {raw(22, "\x00\x00\x00\x09abc"), agent.ErrMalformed},
		"add nothing":            {raw(17, ""), agent.ErrMalformed},
		"add, no fields":         {raw(17, str("ssh-ed25519")), agent.ErrMalformed},
		"add, no comment":        {raw(17, str("ssh-ed25519", "A", "KA")), agent.ErrMalformed},
		"add another type":       {raw(17, str("ssh-foo", "A", "KA", "comment")), agent.ErrUnknownKeyType},
		"add a hardware key":     {raw(17, str("sk-ssh-ed25519@openssh.com", "A", "ssh:")), agent.ErrUnknownKeyType},
		"add, lifetime cut":      {raw(25, ed+"\x01\x00\x00"), agent.ErrMalformed},
		"add, lifetime of 0":     {raw(25, ed+"\x01\x00\x00\x00\x00"), agent.ErrLifetime},
		"add, unknown limit":     {raw(25, ed+"\x09"), agent.ErrConstraint},
		"add, limit to hosts":    {raw(25, ed+"\xff"+str("restrict-destination-v00@openssh.com", "")), agent.ErrConstraint},
		"add, maximum of a sign": {raw(25, ed+"\x03\x00\x00\x00\x01"), agent.ErrConstraint},
	} {
		r := newRecorder()
		s := serve(r)
		s.DataReceived(tt.request)
		s.DataReceived(raw(19, ""))
		if got := s.take(); !bytes.Equal(got, slices.Concat(raw(5, ""), raw(6, ""))) || s.closed != 0 || !slices.Equal(r.calls, []string{"remove all"}) {
			t.Errorf("%s: answered %q, closed %d times, called %q", name, got, s.closed, r.calls)
		}
		s.failsWith(t, name, tt.want)
	}
}

// Every kind of private key that PrivateBlob and CertificateBlob write is taken off the front of an addition whole.
func TestC_KEYS_23_AddTakesTheKeyOffWhole(t *testing.T) {
	for _, k := range withDSA(t) {
		for _, blob := range [][]byte{privateBlob(t, k), certificateBlob(t, k)} {
			r := newRecorder()
			s := serve(r)
			s.DataReceived(raw(25, string(blob)+str("comment")+"\x02"))
			if want := "add " + string(blob) + " comment confirm"; !slices.Equal(r.calls, []string{want}) {
				t.Errorf("%v: called %q, failed with %v", k, r.calls, s.failures)
			}
		}
	}
}

func TestServerFailsOnBadLength(t *testing.T) {
	for _, length := range [][]byte{{0, 0, 0, 0}, {0, 4, 0, 1}, {0xff, 0xff, 0xff, 0xff}} {
		r := newRecorder()
		s := serve(r)
		s.DataReceived(append(length, raw(19, "")...))
		s.DataReceived(raw(19, ""))
		if s.closed != 1 || len(s.sent) != 0 || r.calls != nil {
			t.Errorf("%x: closed %d times, %d answers, called %q", length, s.closed, len(s.sent), r.calls)
		}
		s.failsWith(t, "length", agent.ErrMessageLength)
		if _, ok := errors.AsType[*agent.ProtocolError](errors.Join(s.failures...)); ok {
			t.Error("failsWith did not take the failure")
		}
	}
}

func TestAnswerTooLong(t *testing.T) {
	r := newRecorder()
	s := serve(r)
	for extra, want := range []string{string(raw(12, identitiesBody(fitting(0)))), string(raw(5, ""))} {
		r.list = []agent.Identity{fitting(extra)}
		s.DataReceived(raw(11, ""))
		if got := s.take(); string(got) != want {
			t.Errorf("%d bytes too many: an answer of %d bytes", extra, len(got))
		}
	}
	s.failsWith(t, "list", agent.ErrMessageTooLong)
}

// fitting is an identity of which the list is of the greatest length, and some more.
func fitting(extra int) agent.Identity {
	return agent.Identity{Blob: make([]byte, agent.MaxMessage-1-4-8+extra)}
}

// A client that sends on and on while a request is being worked on, or while the server is paused, is cut off.
func TestMaxQueued(t *testing.T) {
	for _, paused := range []bool{false, true} {
		r := newRecorder()
		r.slow = true
		s := serve(r)
		if paused {
			s.PauseProducing()
		} else {
			s.DataReceived(raw(19, ""))
		}
		chunk := bytes.Repeat(raw(19, ""), 100)
		for range agent.MaxQueued / len(chunk) {
			s.DataReceived(slices.Clone(chunk))
		}
		if s.closed != 0 {
			t.Fatal("closed too early")
		}
		s.DataReceived(slices.Clone(chunk))
		if s.closed != 1 || len(s.sent) != 0 || r.cancels != len(r.calls) {
			t.Errorf("closed %d times, %d answers, %d of %d calls cancelled", s.closed, len(s.sent), r.cancels, len(r.calls))
		}
		s.failsWith(t, "queue", agent.ErrTooManyRequests)
	}
}

// Any number of requests in one chunk is served: only what waits counts.
func TestManyRequestsInOneChunk(t *testing.T) {
	s := serve(newRecorder())
	const n = 3 * agent.MaxQueued / 5
	s.DataReceived(bytes.Repeat(raw(19, ""), n))
	if len(s.sent) != n || s.closed != 0 {
		t.Errorf("%d answers, closed %d times", len(s.sent), s.closed)
	}
}

func TestPauseProducing(t *testing.T) {
	r := newRecorder()
	s := serve(r)
	s.onWrite = func([]byte) { s.PauseProducing() }
	s.DataReceived(bytes.Repeat(raw(19, ""), 3))
	for want := 1; want <= 3; want++ {
		if len(r.calls) != want {
			t.Fatalf("%d calls, want %d", len(r.calls), want)
		}
		s.ResumeProducing()
	}
	s.ResumeProducing()
	s.ConnectionLost(nil)
	s.ResumeProducing()
	if len(r.calls) != 3 {
		t.Errorf("%d calls", len(r.calls))
	}
}

func TestStopProducing(t *testing.T) {
	r := newRecorder()
	r.slow = true
	s := serve(r)
	var producer reactor.PushProducer = s.SSHAgentServer
	s.DataReceived(raw(19, ""))
	producer.StopProducing()
	s.DataReceived(raw(19, ""))
	if r.cancels != 1 || len(r.calls) != 1 {
		t.Errorf("%d cancelled, %d calls", r.cancels, len(r.calls))
	}
}

func TestServerConnectionLost(t *testing.T) {
	r := newRecorder()
	r.slow = true
	s := serve(r)
	s.DataReceived(bytes.Repeat(raw(19, ""), 2))
	s.ConnectionLost(errReason)
	s.ConnectionLost(errReason)
	s.DataReceived(raw(19, ""))
	if r.cancels != 1 || len(r.calls) != 1 || len(s.sent) != 0 || s.closed != 0 {
		t.Errorf("%d cancelled, %d calls, %d answers, closed %d times", r.cancels, len(r.calls), len(s.sent), s.closed)
	}
}

// panicking is a store with a mistake in it.
type panicking struct{ *recorder }

func (panicking) RemoveAllIdentities() deferred.Deferred[struct{}] { panic("mistake") }

func TestStoreThatPanics(t *testing.T) {
	s := serve(panicking{newRecorder()})
	s.DataReceived(append(raw(19, ""), raw(22, str("pass"))...))
	if got := s.take(); !bytes.Equal(got, slices.Concat(raw(5, ""), raw(6, ""))) {
		t.Errorf("answered %q", got)
	}
	if len(s.failures) != 1 || !errors.As(s.failures[0], new(*deferred.PanicError)) {
		t.Errorf("failed with %v", s.failures)
	}
}

func TestServerMakeConnection(t *testing.T) {
	s := agent.NewSSHAgentServer(newRecorder())
	s.DataReceived(raw(19, "")) // from nowhere
	s.ResumeProducing()
	m := new(memoryTransport)
	s.MakeConnection(m)
	s.DataReceived(raw(200, "")) // without RequestFailed
	if got := m.take(); !bytes.Equal(got, raw(5, "")) {
		t.Errorf("answered %q", got)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "twice") {
			t.Errorf("a second MakeConnection panicked with %v", r)
		}
	}()
	s.MakeConnection(m)
}

// C-KEYS-24: a server over a client relays one connection to another.
func TestC_KEYS_24_Relay(t *testing.T) {
	keyring := agent.NewKeyring(nil)
	far := serve(keyring)
	middleOut, middleTransport := connected(t)
	middleTransport.onWrite = func(p []byte) { far.DataReceived(slices.Clone(p)) }
	far.onWrite = func(p []byte) { middleOut.DataReceived(slices.Clone(p)) }
	middleIn := serve(middleOut)
	near, nearTransport := connected(t)
	nearTransport.onWrite = func(p []byte) { middleIn.DataReceived(slices.Clone(p)) }
	middleIn.onWrite = func(p []byte) { near.DataReceived(slices.Clone(p)) }

	for _, k := range withDSA(t) {
		deferredtest.SuccessResultOf(t, near.AddIdentity(privateBlob(t, k), "comment", agent.Constraints{}))
		signature := deferredtest.SuccessResultOf(t, near.Sign(k.PublicKey(), []byte("data"), k.SupportedSignatureAlgorithms()[0]))
		if err := k.PublicKey().Verify([]byte("data"), signature); err != nil {
			t.Errorf("%v: %v", k, err)
		}
	}
	if held := deferredtest.SuccessResultOf(t, keyring.RequestIdentities()); len(held) != len(withDSA(t)) {
		t.Errorf("%d keys are held", len(held))
	}
	// A lifetime without a clock.
	deferredtest.FailureResultOf(t, near.AddIdentity(privateBlob(t, testKeys()[0]), "", agent.Constraints{Lifetime: time.Minute}), agent.ErrRefused)
	middleOut.ConnectionLost(errReason)
	deferredtest.FailureResultOf(t, near.RequestIdentities(), agent.ErrRefused)
}
