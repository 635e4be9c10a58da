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
}

// reply is the answer to one request.
type reply struct {
	req     *gossh.Request
	ready   bool
	granted bool
	data    []byte
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

// answer sets the answer to r, and sends all answers whose turn has come. sent is
// closed when the last of them is sent; it is nil if there is none.
func (rs *replies) answer(t *SSHTransport, r *reply, granted bool, data []byte) (sent <-chan struct{}) {
	r.ready, r.granted, r.data = true, granted, data
	for len(rs.waiting) > 0 && rs.waiting[0].ready {
		first := rs.waiting[0]
		rs.waiting = slices.Delete(rs.waiting, 0, 1)
		if first.req.WantReply {
			done := make(chan struct{})
			t.reply(func() {
				_ = first.req.Reply(first.granted, first.data) // a channel that is gone needs none
				close(done)
			})
			sent = done
		}
	}
	return sent
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
