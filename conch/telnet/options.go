package telnet

import (
	"bytes"
	"slices"

	"github.com/hawser-go/hawser/deferred"
)

// maxAnswers is the number of answers to requests of the peer, for each option
// and side. Further requests to turn the option on are ignored. Further
// requests to turn the option off are obeyed without an answer. So the buffered
// output is bounded, even if the peer never reads.
const maxAnswers = 100

// options are the options of a connection. Options that are off may be absent.
type options struct {
	state map[Option]*option
	used  []Option // in the order of their first use
}

// option is the state of one option.
type option struct{ us, him side }

// side is the state of an option of one side.
type side struct {
	on          bool
	negotiating bool                    // this side waits for an answer
	answer      deferred.Deferred[bool] // fires with the answer
	answers     int                     // to requests of the peer
	turnedDown  bool                    // the last request of the peer to turn the option on was refused
}

// get returns the state of an option, which is off at its first use.
func (s *options) get(o Option) *option {
	if s.state[o] == nil {
		if s.state == nil {
			s.state = make(map[Option]*option)
		}
		s.state[o] = &option{}
		s.used = append(s.used, o)
	}
	return s.state[o]
}

// LocalEnabled reports whether an option of this side is on.
func (t *Telnet) LocalEnabled(o Option) bool {
	state := t.options.state[o]
	return state != nil && state.us.on
}

// RemoteEnabled reports whether an option of the peer is on.
func (t *Telnet) RemoteEnabled(o Option) bool {
	state := t.options.state[o]
	return state != nil && state.him.on
}

// Will offers the peer to turn on an option of this side. The Deferred fires
// with true when the peer has accepted. It fails with a *[NegotiationError] if
// the peer refuses, if the option is on, or if a request for the option is in
// progress. If the connection is lost, it fails with the reason.
//
// A peer may never answer: use AddTimeout. A request stays in progress until
// the answer arrives, even if the Deferred was cancelled. Will must not be
// called before ConnectionMade.
func (t *Telnet) Will(o Option) deferred.Deferred[bool] { return t.request(WILL, o) }

// Wont turns off an option of this side. The Deferred fires with true when the
// peer has confirmed. Otherwise Wont is like Will.
func (t *Telnet) Wont(o Option) deferred.Deferred[bool] { return t.request(WONT, o) }

// Do asks the peer to turn on an option of its own. Otherwise Do is like Will.
func (t *Telnet) Do(o Option) deferred.Deferred[bool] { return t.request(DO, o) }

// Dont asks the peer to turn off an option of its own. The Deferred fires with
// true when the peer has confirmed. Otherwise Dont is like Will.
func (t *Telnet) Dont(o Option) deferred.Deferred[bool] { return t.request(DONT, o) }

// request sends the verb, unless the state of the option forbids that.
func (t *Telnet) request(verb Command, o Option) deferred.Deferred[bool] {
	if t.lost != nil {
		return deferred.Fail[bool](t.lost)
	}
	state := t.options.get(o)
	s, on := &state.us, verb == WILL || verb == DO
	if verb == DO || verb == DONT {
		s = &state.him
	}
	switch {
	case state.us.negotiating || state.him.negotiating:
		return deferred.Fail[bool](&NegotiationError{o, ErrAlreadyNegotiating})
	case s.on && on:
		return deferred.Fail[bool](&NegotiationError{o, ErrAlreadyEnabled})
	case !s.on && !on:
		return deferred.Fail[bool](&NegotiationError{o, ErrAlreadyDisabled})
	}
	s.negotiating, s.answer = true, deferred.New[bool]()
	t.send(byte(IAC), byte(verb), byte(o))
	return s.answer
}

// verbReceived handles a verb of the peer: the answer to a request of this
// side, or a request of the peer, which needs an answer.
func (t *Telnet) verbReceived(verb Command, o Option) {
	state, local := t.options.get(o), verb == DO || verb == DONT
	s := &state.him
	if local {
		s = &state.us
	}
	switch on := verb == WILL || verb == DO; {
	case on && s.on: // no change, and no answer to a request to turn the option off
	case on == s.on:
		s.refused(o)
	case s.negotiating:
		s.on = on
		s.confirmed()
		t.callHook(local, o, on)
	case on:
		t.offered(s, local, o)
	default:
		s.on = false
		t.callHook(local, o, false)
		if s.mayAnswer() {
			t.reply(local, o, false)
		}
	}
}

// offered handles a request of the peer to turn an option on.
func (t *Telnet) offered(s *side, local bool, o Option) {
	if !s.mayAnswer() {
		return
	}
	t.offering = true
	s.on = t.callHook(local, o, true)
	t.offering = false
	s.turnedDown = !s.on
	t.reply(local, o, s.on)
	for _, sub := range t.held {
		t.send(sub...)
	}
	t.held = nil
}

// turnedDown reports whether this side has refused an option of this side. A
// protocol that follows on a login may grant the option later.
func (t *Telnet) turnedDown(o Option) bool {
	state := t.options.state[o]
	return state != nil && state.us.turnedDown
}

// callHook calls the hook for an option that the peer wants to turn on, or that
// was turned on or off. accepted is the result of the hook. If a callback has
// closed the connection, callHook does nothing.
func (t *Telnet) callHook(local bool, o Option, on bool) (accepted bool) {
	switch h := t.hooks(); {
	case t.closing():
	case local && on:
		return h.EnableLocal(o)
	case on:
		return h.EnableRemote(o)
	case local:
		h.DisableLocal(o)
	default:
		h.DisableRemote(o)
	}
	return false
}

// reply sends the answer to a request of the peer.
func (t *Telnet) reply(local bool, o Option, on bool) {
	verb := DONT
	switch {
	case local && on:
		verb = WILL
	case local:
		verb = WONT
	case on:
		verb = DO
	}
	t.send(byte(IAC), byte(verb), byte(o))
}

// mayAnswer counts an answer. It returns false after maxAnswers.
func (s *side) mayAnswer() bool {
	if s.answers == maxAnswers {
		return false
	}
	s.answers++
	return true
}

// confirmed ends a request of this side with success.
func (s *side) confirmed() {
	s.negotiating = false
	_ = s.answer.TryCallback(true) // an error would mean that somebody else has fired it
}

// refused ends a request to turn the option on, if there is one.
func (s *side) refused(o Option) {
	if s.negotiating {
		s.negotiating = false
		_ = s.answer.TryErrback(&NegotiationError{o, ErrOptionRefused}) // as above
	}
}

// RequestNegotiation sends a subnegotiation about an option, whatever the state
// of the option. RFC 855 allows that only for options that are on. EnableLocal
// and EnableRemote may call it: the subnegotiation then follows the answer to
// the peer's offer.
func (t *Telnet) RequestNegotiation(about Option, data []byte) {
	escaped := bytes.ReplaceAll(data, []byte{byte(IAC)}, []byte{byte(IAC), byte(IAC)})
	sub := slices.Concat([]byte{byte(IAC), byte(SB), byte(about)}, escaped, []byte{byte(IAC), byte(SE)})
	if t.offering {
		t.held = append(t.held, sub)
		return
	}
	t.send(sub...)
}

// ConnectionLost fails the Deferreds of requests in progress, in the order in
// which the options were first used. Later requests fail with the same reason.
func (t *Telnet) ConnectionLost(reason error) {
	t.lost = reason
	for _, o := range t.options.used {
		for _, s := range []*side{&t.options.state[o].us, &t.options.state[o].him} {
			if s.negotiating {
				_ = s.answer.TryErrback(reason) // an error would mean that somebody else has fired it
			}
		}
	}
}
