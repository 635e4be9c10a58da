package conch

import (
	"slices"

	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// replies has the requests of the peer that have not been answered: those of one
// channel, or the global ones. SSH matches replies to requests by their order
// (RFC 4254, sections 4 and 5.4), so a reply waits for the ones before it. It
// belongs to the loop.
type replies struct {
	waiting []*reply

	// before, if not nil, is called before a reply is sent. done is closed when
	// it is sent.
	before func(done <-chan struct{})
}

// reply is the answer to one request.
type reply struct {
	req     *gossh.Request
	ready   bool
	granted bool
	data    []byte

	done chan struct{} // closed when the reply is sent; nil before the hook is called
	sent bool          // or about to be sent
}

// add adds a request. It returns nil, and ends the connection, if the peer has
// exceeded the limit.
func (rs *replies) add(t *SSHTransport, req *gossh.Request) *reply {
	if len(rs.waiting) >= t.service.Limits.requests() {
		t.flooded("unanswered requests")
		return nil
	}
	r := &reply{req: req}
	rs.waiting = append(rs.waiting, r)
	return r
}

// answer sets the answer to r, and sends all answers whose turn has come.
func (rs *replies) answer(t *SSHTransport, r *reply, granted bool, data []byte) {
	r.ready, r.granted, r.data = true, granted, data
	for len(rs.waiting) > 0 && rs.waiting[0].ready {
		first := rs.waiting[0]
		rs.waiting = slices.Delete(rs.waiting, 0, 1)
		if first.req.WantReply {
			rs.send(t, first)
		}
	}
}

// send sends a reply, off the loop.
func (rs *replies) send(t *SSHTransport, r *reply) {
	if r.done == nil {
		r.done = make(chan struct{})
		if rs.before != nil {
			rs.before(r.done)
		}
	}
	done := r.done
	r.sent = true
	t.reply(func() {
		defer close(done)
		_ = r.req.Reply(r.granted, r.data) // a channel that is gone needs none
	})
}

// globals answers the global requests of the peer.
type globals struct {
	c *SSHConnection
	replies
}

func (g *globals) received(req *gossh.Request) {
	t := g.c.transport
	r := g.add(t, req)
	if r == nil {
		return
	}
	answered := false
	t.guard("GotGlobalRequest", func() {
		g.c.replyWanted = req.WantReply
		d := g.c.globalRequest(req.Type, req.Payload)
		if d == (deferred.Deferred[[]byte]{}) {
			return
		}
		d.OnResult(func(data []byte, err error) { g.answer(t, r, err == nil, data) })
		answered = true
	})
	req.Payload = nil // may be large
	if !answered {
		g.answer(t, r, false, nil)
	}
}
