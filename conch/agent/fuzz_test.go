package agent_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// FuzzClient feeds a client that has a request of each kind outstanding, in chunks. Whatever comes, each request ends exactly once, and a
// connection that the client gives up is closed exactly once.
func FuzzClient(f *testing.F) {
	var good []byte
	for _, tt := range operations {
		good = append(good, tt.reply...)
	}
	f.Add(good, byte(3))
	f.Add(slices.Concat(raw(5, ""), raw(28, "x"), raw(5, "")), byte(200))
	f.Add(raw(12, "\xff\xff\xff\xff"), byte(1))
	f.Add([]byte{0, 4, 0, 1}, byte(0))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		c, m := connected(t)
		var all []*deferredtest.Observer[any]
		for _, tt := range operations {
			all = append(all, deferredtest.Observe(tt.call(c)))
		}
		all[1].Cancel()
		for chunk := range slices.Chunk(slices.Clone(stream), int(size)+1) {
			c.DataReceived(chunk)
		}
		givenUp := deferredtest.Observe(c.RequestIdentities()).Fired
		if givenUp != (m.closed == 1) || m.closed > 1 {
			t.Errorf("given up: %v, closed %d times", givenUp, m.closed)
		}
		c.ConnectionLost(nil)
		for i, o := range all {
			_, isOp := errors.AsType[*agent.OpError](o.Err)
			if !o.Fired || o.Err != nil && i != 1 && !isOp {
				t.Errorf("request %d fired: %v, with %v, %v", i, o.Fired, o.Value, o.Err)
			}
		}
	})
}

// FuzzServer feeds a server of a keyring that has a key. Every request is answered, in order, by a message that our client takes for one.
func FuzzServer(f *testing.F) {
	k := testKeys()[4]
	blob := privateBlob(f, k)
	for _, tt := range requests {
		f.Add(tt.request, byte(3))
	}
	f.Add(raw(25, string(blob)+str("comment")+"\x02\x01\x00\x00\x00\x3c"), byte(255))
	f.Add(raw(13, str(string(k.Blob()), "data")+"\x00\x00\x00\x00"), byte(7))
	f.Add(raw(17, string(certificateBlob(f, k))+str("comment")), byte(255))
	f.Add(raw(27, str("session-bind@openssh.com", "x")), byte(255))
	f.Fuzz(func(t *testing.T, stream []byte, size byte) {
		keyring := agent.NewKeyring(nil)
		add(t, keyring, blob, "", agent.Constraints{})
		s := serve(keyring)
		for chunk := range slices.Chunk(slices.Clone(stream), int(size)+1) {
			s.DataReceived(chunk)
		}
		c, _ := connected(t)
		var replies []*deferredtest.Observer[agent.Reply]
		for range s.sent {
			replies = append(replies, deferredtest.Observe(c.SendRequest(agent.AgentcExtension, nil)))
		}
		c.DataReceived(s.take())
		for i, o := range replies {
			if !o.Fired || o.Err != nil && !errors.Is(o.Err, agent.ErrRefused) {
				t.Errorf("answer %d: fired: %v, with %v", i, o.Fired, o.Err)
			}
		}
	})
}

// FuzzAddIdentity gives a keyring anything for a private key: it takes none that does not sign.
func FuzzAddIdentity(f *testing.F) {
	for _, k := range withDSA(f) {
		f.Add(privateBlob(f, k))
		f.Add(certificateBlob(f, k))
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		keyring := agent.NewKeyring(nil)
		if _, err := fired(t, keyring.AddIdentity(blob, "", agent.Constraints{})); err != nil {
			return
		}
		for _, identity := range held(t, keyring) {
			if _, err := fired(t, keyring.SignData(identity.Blob, []byte("data"), agent.SignRSASHA512)); err != nil && len(identity.Blob) > 200 {
				t.Errorf("%x does not sign: %v", identity.Blob, err)
			}
		}
	})
}
