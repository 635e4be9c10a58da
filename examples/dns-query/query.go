package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

const (
	patience = 2 * time.Second // how long an answer may take
	tries    = 3               // how often the question is asked
)

var (
	errNoAnswer  = errors.New("dns-query: the server does not answer")
	errRefused   = errors.New("dns-query: there is no name server at this address")
	errTruncated = errors.New("dns-query: the answer is too long for a datagram")
)

// lookup asks a server for the addresses of a name. Cancelling the Deferred
// closes the port.
func lookup(r reactor.Network, server netip.AddrPort, name string, kind dnsmessage.Type) deferred.Deferred[[]netip.Addr] {
	if !strings.HasSuffix(name, ".") {
		name += "."
	}
	q := &query{clock: r, server: server, id: uint16(rand.Uint32())}
	if err := q.pack(name, kind); err != nil {
		return deferred.Fail[[]netip.Addr](err)
	}
	q.result = deferred.New(func(deferred.Deferred[[]netip.Addr]) { q.end(nil, deferred.ErrCancelled) })
	opts := reactor.UDPOptions{}
	if server.Addr().Is6() {
		opts.Interface = "::"
	}
	if _, err := r.ListenUDP(0, q, opts); err != nil { // a free port, which is hard to guess
		return deferred.Fail[[]netip.Addr](err)
	}
	return q.result
}

// query is one question.
type query struct {
	reactor.BaseDatagramProtocol
	clock    reactor.Clock
	server   netip.AddrPort
	id       uint16
	question dnsmessage.Question
	packed   []byte
	result   deferred.Deferred[[]netip.Addr]
	tried    int
	retry    *reactor.DelayedCall
}

// pack encodes the question.
func (q *query) pack(name string, kind dnsmessage.Type) error {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return fmt.Errorf("dns-query: the name %q: %w", name, err)
	}
	q.question = dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q.question},
	}
	q.packed, err = m.Pack()
	return err
}

func (q *query) StartProtocol() {
	if err := q.Transport().Connect(q.server); err != nil { // answers of others are dropped
		q.end(nil, err)
		return
	}
	q.ask()
}

// ask sends the question, and again if there is no answer.
func (q *query) ask() {
	if q.tried == tries {
		q.end(nil, errNoAnswer)
		return
	}
	q.tried++
	if err := q.Transport().Write(q.packed, netip.AddrPort{}); err != nil {
		q.end(nil, err)
		return
	}
	q.retry = q.clock.CallLater(patience, q.ask)
}

func (q *query) ConnectionRefused() { q.end(nil, errRefused) }

// DatagramReceived ends the query if data is an answer to the question.
func (q *query) DatagramReceived(data []byte, _ netip.AddrPort) {
	var m dnsmessage.Message
	if m.Unpack(data) != nil || !m.Response || m.ID != q.id || len(m.Questions) != 1 || !q.asked(m.Questions[0]) {
		return
	}
	switch {
	case m.RCode != dnsmessage.RCodeSuccess:
		q.end(nil, fmt.Errorf("dns-query: %v: %v", q.question.Name, m.RCode))
	case m.Truncated:
		q.end(nil, errTruncated)
	default:
		q.end(addresses(m.Answers), nil)
	}
}

// asked reports whether it is our question. A server may change the case of the
// letters.
func (q *query) asked(it dnsmessage.Question) bool {
	return it.Type == q.question.Type && it.Class == q.question.Class &&
		strings.EqualFold(it.Name.String(), q.question.Name.String())
}

func addresses(answers []dnsmessage.Resource) (found []netip.Addr) {
	for _, a := range answers {
		switch body := a.Body.(type) {
		case *dnsmessage.AResource:
			found = append(found, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			found = append(found, netip.AddrFrom16(body.AAAA))
		}
	}
	return found
}

// end closes the port and fires the Deferred, once.
func (q *query) end(addrs []netip.Addr, err error) {
	if q.result.Called() {
		return
	}
	if q.retry != nil {
		_ = q.retry.Cancel() // an error means that it has run
	}
	q.Transport().StopListening()
	if err != nil {
		q.result.Errback(err)
		return
	}
	q.result.Callback(addrs)
}
