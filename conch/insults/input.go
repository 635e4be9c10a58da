package insults

import "unicode/utf8"

type inputState int

const (
	stateData inputState = iota
	stateEscaped
	stateEscapedTwice // ESC ESC: Alt-Escape, or Alt with a key that sends a sequence
	stateBracketEscaped
	stateLowFunctionEscaped // after SS3
	stateConsoleFunction    // after CSI [, which the Linux console sends
	stateMouse              // three bytes of a mouse report follow
	stateOverlong           // the rest of a sequence is dropped
)

// keyboard turns received bytes into keys. It feeds its sink.
type keyboard struct {
	sink    keySink
	state   inputState
	alt     bool   // the sequence began with two ESC
	raw     []byte // the sequence so far, from ESC on
	prefix  int    // the number of bytes of raw before the parameters
	partial []byte // the beginning of a character in UTF-8
}

// keySink takes what a keyboard finds.
type keySink interface {
	key(s Stroke)
	unhandled(seq []byte)

	// cursorReport takes the numbers of CSI 12 ; 34 R. It reports whether the
	// program waits for them.
	cursorReport(line, column int) bool

	// reports reports whether the terminal sends reports of this mode, since
	// the program has asked for them.
	reports(mode PrivateMode) bool

	// stopped reports whether no more input is wanted, ever or for now.
	stopped() bool
}

// feed takes received bytes, and returns how many: all of them, unless the sink
// stops. Bytes that are not UTF-8 are U+FFFD each.
func (k *keyboard) feed(data []byte) (taken int) {
	k.decode()
	for i, b := range data {
		switch {
		case k.sink.stopped():
			return i
		case k.state == stateMouse:
			k.mouse(b)
		case b < utf8.RuneSelf && len(k.partial) == 0:
			k.char(rune(b), []byte{b})
		default:
			k.partial = append(k.partial, b)
			k.decode()
		}
	}
	return len(data)
}

// decode takes the complete characters of partial. The last one may be ASCII,
// and may begin a sequence.
func (k *keyboard) decode() {
	for len(k.partial) > 0 && utf8.FullRune(k.partial) && !k.sink.stopped() {
		r, size := utf8.DecodeRune(k.partial)
		received := k.partial[:size:size]
		k.partial = k.partial[size:]
		k.char(r, received)
	}
}

// char takes a character and its bytes. The state is set before the sink is
// called, so that a panic there leaves no half of a sequence behind.
func (k *keyboard) char(r rune, received []byte) {
	switch k.state {
	case stateData:
		k.data(r)
	case stateEscaped:
		k.escaped(r)
	case stateEscapedTwice:
		k.escapedTwice(r)
	case stateBracketEscaped, stateOverlong:
		k.bracketEscaped(r, received)
	case stateLowFunctionEscaped, stateConsoleFunction:
		k.function(r, received)
	}
}

func (k *keyboard) data(r rune) {
	if r == esc {
		k.begin()
		return
	}
	k.sink.key(Stroke{Key: Key(r)})
}

// begin begins a sequence.
func (k *keyboard) begin() {
	k.state, k.alt, k.raw = stateEscaped, false, append(k.raw[:0], esc)
}

// reset ends a sequence and returns its bytes. Appending to them does not
// change k.
func (k *keyboard) reset() []byte {
	k.state = stateData
	return k.raw[:len(k.raw):len(k.raw)]
}

func (k *keyboard) escaped(r rune) {
	switch r {
	case '[', 'O':
		k.introduce(r)
	case esc:
		k.state, k.alt, k.raw = stateEscapedTwice, true, append(k.raw, esc)
	default:
		k.reset()
		k.sink.key(Stroke{Key(r), Alt})
	}
}

func (k *keyboard) escapedTwice(r rune) {
	if r == '[' || r == 'O' {
		k.introduce(r)
		return
	}
	k.reset()
	k.sink.key(Stroke{KeyEscape, Alt})
	k.data(r)
}

func (k *keyboard) introduce(r rune) {
	k.raw = append(k.raw, byte(r))
	k.prefix = len(k.raw)
	k.state = stateBracketEscaped
	if r == 'O' {
		k.state = stateLowFunctionEscaped
	}
}

// bracketEscaped takes a character of a sequence after CSI.
func (k *keyboard) bracketEscaped(r rune, received []byte) {
	switch classify(r) {
	case classEscape:
		k.begin()
	case classAbort:
		k.reset()
	case classControl:
		k.sink.key(Stroke{Key: Key(r)})
	case classForeign:
		k.reset()
		k.data(r)
	case classParameter:
		k.parameter(byte(r))
	case classFinal:
		if k.state == stateOverlong {
			k.reset()
			return
		}
		k.final(received[0])
	}
}

// parameter takes a parameter byte. A dollar after one number is the end of a
// sequence of rxvt.
func (k *keyboard) parameter(b byte) {
	switch {
	case k.state == stateOverlong:
	case b == '$' && isNumber(k.raw[k.prefix:]):
		k.final(b)
	case len(k.raw)-k.prefix == MaxSequence:
		k.state = stateOverlong
		k.unhandled(k.raw)
	default:
		k.raw = append(k.raw, b)
	}
}

func isNumber(p []byte) bool {
	numbers, ok := parseParameters(p)
	return ok && len(numbers) == 1 && numbers[0] >= 0
}

// final takes the last byte of a sequence.
func (k *keyboard) final(b byte) {
	parameters := k.raw[k.prefix:]
	empty := len(parameters) == 0
	k.raw = append(k.raw, b)
	switch {
	case empty && b == 'O' && !k.sink.reports(PrivateFocus):
		k.prefix, k.state = len(k.raw), stateLowFunctionEscaped
		return
	case empty && b == '[':
		k.prefix, k.state = len(k.raw), stateConsoleFunction
		return
	case empty && b == 'M' && k.mouseReports():
		k.prefix, k.state = len(k.raw), stateMouse
		return
	}
	raw := k.reset()
	if b == 'R' && k.cursorReport(parameters) {
		return
	}
	s, ok := decodeKey(parameters, b)
	k.done(s, ok, raw)
}

// done gives the sink a key, or the sequence that is none.
func (k *keyboard) done(s Stroke, ok bool, raw []byte) {
	if !ok {
		k.unhandled(raw)
		return
	}
	if k.alt {
		s.Modifier |= Alt
	}
	k.sink.key(s)
}

// unhandled gives the sink a copy of a sequence.
func (k *keyboard) unhandled(raw []byte) { k.sink.unhandled(append([]byte(nil), raw...)) }

func (k *keyboard) cursorReport(parameters []byte) bool {
	numbers, ok := parseParameters(parameters)
	return ok && len(numbers) == 2 && min(numbers[0], numbers[1]) >= 0 && k.sink.cursorReport(numbers[0], numbers[1])
}

// function takes the last character of a sequence of a fixed length.
func (k *keyboard) function(r rune, received []byte) {
	switch classify(r) {
	case classEscape:
		k.begin()
		return
	case classAbort:
		k.reset()
		return
	}
	console := k.state == stateConsoleFunction
	k.raw = append(k.raw, received...)
	raw := k.reset()
	switch {
	case console && 'A' <= r && r <= 'E':
		k.done(Stroke{Key: KeyF1 + Key(r-'A')}, true, raw)
	case console || r >= utf8.RuneSelf:
		k.unhandled(raw)
	default:
		s, ok := functionKeys[byte(r)]
		k.done(s, ok, raw)
	}
}

// mouseReports reports whether CSI M begins a mouse report.
func (k *keyboard) mouseReports() bool {
	some := k.sink.reports(PrivateMouse) || k.sink.reports(PrivateMouseDrag) || k.sink.reports(PrivateMouseMotion)
	return some && !k.sink.reports(PrivateMouseSGR)
}

// mouse takes a byte of a mouse report.
func (k *keyboard) mouse(b byte) {
	if k.raw = append(k.raw, b); len(k.raw) == k.prefix+3 {
		k.unhandled(k.reset())
	}
}

// escapes reports whether the user has pressed Escape, if nothing follows soon.
func (k *keyboard) escapes() bool { return k.state == stateEscaped || k.state == stateEscapedTwice }

// escapeAlone takes the Escape key, which nothing has followed.
func (k *keyboard) escapeAlone() {
	s := Stroke{Key: KeyEscape}
	if k.alt {
		s.Modifier = Alt
	}
	k.reset()
	k.sink.key(s)
}
