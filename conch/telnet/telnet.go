package telnet

import "github.com/hawser-go/hawser/reactor"

// maxSubnegotiation is the size of a longest subnegotiation: the option and the
// data. Longer ones are dropped.
const maxSubnegotiation = 64 << 10

// Telnet is one side of a telnet connection. It decodes received bytes and
// negotiates options. It is Twisted's Telnet, and the base of
// [TelnetTransport], which most programs use. To use a Telnet alone, embed it
// by value and define the methods that you need, from ApplicationDataReceived
// to DisableRemote. The zero value is ready to use. All methods belong to the
// loop.
type Telnet struct {
	reactor.BaseProtocol

	commands        map[Command]func(Option)
	subnegotiations map[Option]func(data []byte)

	state   state
	verb    Command // the command whose option is expected
	app     []byte  // decoded data of the present chunk that is not delivered yet
	sub     []byte  // the subnegotiation so far
	tooLong bool    // the subnegotiation is dropped

	options  options
	offering bool     // a hook decides about an offer of the peer
	held     [][]byte // subnegotiations that follow the answer to the offer

	wroteCR bool  // the last byte written was a CR
	lost    error // why the connection has ended; nil before
}

// state is the meaning of the next byte.
type state byte

const (
	stateData           state = iota
	stateEscaped              // after IAC
	stateCommand              // after a command that has an option
	stateNewline              // after CR
	stateSubnegotiation       // after IAC SB
	stateSubEscaped           // after IAC in a subnegotiation
)

// hooks are the methods of Telnet that an embedding type may replace.
type hooks interface {
	ApplicationDataReceived(data []byte)
	UnhandledCommand(c Command)
	UnhandledSubnegotiation(o Option, data []byte)
	EnableLocal(o Option) bool
	EnableRemote(o Option) bool
	DisableLocal(o Option)
	DisableRemote(o Option)
}

var _ hooks = (*Telnet)(nil)

// hooks returns the methods of the embedding type.
func (t *Telnet) hooks() hooks { return t.Self().(hooks) }

// ApplicationDataReceived is called with received data: at least one byte, in
// order, with LF for CR LF and CR for CR NUL. The method owns data. This one
// drops it.
func (t *Telnet) ApplicationDataReceived([]byte) {}

// UnhandledCommand is called for each command without an option and without a
// function from HandleCommand. This method does nothing.
func (t *Telnet) UnhandledCommand(Command) {}

// UnhandledSubnegotiation is called for each subnegotiation without a function
// from HandleSubnegotiation. data has at most 64 KiB. The method owns data.
// This one does nothing.
func (t *Telnet) UnhandledSubnegotiation(Option, []byte) {}

// EnableLocal is called when the peer asks this side to turn an option on. The
// result true accepts. EnableLocal is also called after the peer has accepted a
// request of Will: the option is on then, and the result is ignored. This
// method refuses.
func (t *Telnet) EnableLocal(Option) bool { return false }

// EnableRemote is called when the peer offers to turn on an option of its own.
// The result true accepts. EnableRemote is also called after the peer has
// accepted a request of Do: the option is on then, and the result is ignored.
// This method refuses.
func (t *Telnet) EnableRemote(Option) bool { return false }

// DisableLocal is called when an option of this side has been turned off. This
// method does nothing.
func (t *Telnet) DisableLocal(Option) {}

// DisableRemote is called when an option of the peer has been turned off. This
// method does nothing.
func (t *Telnet) DisableRemote(Option) {}

// HandleCommand makes f handle a command. For WILL, WONT, DO and DONT, f
// replaces the negotiation of options. For other commands, the argument of f is
// 0. A nil f restores the default.
func (t *Telnet) HandleCommand(c Command, f func(o Option)) {
	if t.commands == nil {
		t.commands = make(map[Command]func(Option))
	}
	t.commands[c] = f
}

// HandleSubnegotiation makes f handle the subnegotiations about an option, even
// if the option is off. data may be empty and has at most 64 KiB; f owns data.
// A nil f restores the default.
func (t *Telnet) HandleSubnegotiation(o Option, f func(data []byte)) {
	if t.subnegotiations == nil {
		t.subnegotiations = make(map[Option]func([]byte))
	}
	t.subnegotiations[o] = f
}

// SendCommand sends a command without an option, such as IP, AYT or NOP. It
// does nothing for other commands.
func (t *Telnet) SendCommand(c Command) {
	if c.simple() {
		t.send(byte(IAC), byte(c))
	}
}

// send writes bytes that are not data.
func (t *Telnet) send(data ...byte) {
	t.wroteCR = false
	t.Transport().Write(data)
}

// closing reports whether nothing may be delivered any more.
func (t *Telnet) closing() bool { return !t.Connected() || t.Transport().Disconnecting() }

// DataReceived handles bytes of the connection. After LoseConnection it drops
// them.
func (t *Telnet) DataReceived(data []byte) {
	if t.state == stateNewline && len(data) > 0 {
		data = append([]byte{'\r'}, data...) // the last byte of the previous chunk
		t.state = stateData
	}
	t.app = data[:0] // decode in place: decoded data is never longer
	for _, b := range data {
		if called := t.step(b); called && t.closing() {
			t.app = nil
			return
		}
	}
	t.flush()
	t.app = nil
}

// step handles a byte. It reports whether hooks were called.
func (t *Telnet) step(b byte) (called bool) {
	switch t.state {
	case stateData:
		t.data(b)
	case stateNewline:
		t.newline(b)
	case stateEscaped:
		return t.escaped(b)
	case stateCommand:
		t.state = stateData
		t.commandReceived(t.verb, Option(b))
		return true
	case stateSubnegotiation:
		if b == byte(IAC) {
			t.state = stateSubEscaped
		} else {
			t.keep(b)
		}
	case stateSubEscaped:
		return t.subEscaped(b)
	}
	return false
}

func (t *Telnet) data(b byte) {
	switch {
	case b == byte(IAC):
		t.state = stateEscaped
	case b == '\r' && !t.RemoteEnabled(BINARY):
		t.state = stateNewline
	default:
		t.app = append(t.app, b)
	}
}

// newline handles the byte after a CR.
func (t *Telnet) newline(b byte) {
	t.state = stateData
	switch b {
	case '\n':
		t.app = append(t.app, '\n')
	case 0:
		t.app = append(t.app, '\r')
	case byte(IAC):
		t.app = append(t.app, '\r')
		t.state = stateEscaped
	default:
		t.app = append(t.app, '\r', b)
	}
}

func (t *Telnet) escaped(b byte) (called bool) {
	t.state = stateData
	switch c := Command(b); {
	case c == IAC:
		t.app = append(t.app, b)
	case c == SB:
		t.state, t.sub, t.tooLong = stateSubnegotiation, nil, false
	case c.hasOption():
		t.state, t.verb = stateCommand, c
	case c.simple():
		t.commandReceived(c, 0)
		return true
	}
	return false
}

func (t *Telnet) subEscaped(b byte) (called bool) {
	if Command(b) != SE {
		t.state = stateSubnegotiation
		t.keep(b)
		return false
	}
	t.state = stateData
	sub := t.sub
	t.sub = nil
	if len(sub) == 0 || t.tooLong || !t.flush() {
		return true
	}
	t.negotiate(Option(sub[0]), sub[1:])
	return true
}

// keep adds a byte to the subnegotiation.
func (t *Telnet) keep(b byte) {
	if len(t.sub) == maxSubnegotiation {
		t.sub, t.tooLong = nil, true
	}
	if !t.tooLong {
		t.sub = append(t.sub, b)
	}
}

// flush delivers the data so far. It reports whether the connection is still
// open.
func (t *Telnet) flush() bool {
	if t.closing() {
		return false
	}
	data := t.app[:len(t.app):len(t.app)]
	t.app = t.app[len(data):]
	if len(data) > 0 {
		t.hooks().ApplicationDataReceived(data)
	}
	return !t.closing()
}

func (t *Telnet) commandReceived(c Command, o Option) {
	if !t.flush() {
		return
	}
	switch f := t.commands[c]; {
	case f != nil:
		f(o)
	case c.hasOption():
		t.verbReceived(c, o)
	default:
		t.hooks().UnhandledCommand(c)
	}
}

func (t *Telnet) negotiate(o Option, data []byte) {
	if f := t.subnegotiations[o]; f != nil {
		f(data)
		return
	}
	t.hooks().UnhandledSubnegotiation(o, data)
}
