package protocols

import "bytes"

// DefaultMaxLine is the longest line unless something else is asked for.
const DefaultMaxLine = 16384

// LineReceiver cuts what comes into lines (R427). A type that embeds it needs a method LineReceived(line []byte), which gets each line
// without its delimiter, and, if it uses SetRawMode, RawDataReceived(data []byte).
type LineReceiver struct {
	receiver

	// Delimiter ends a line; an empty one means CR LF.
	Delimiter []byte

	// MaxLength is the length in bytes up to which a line is fine, without its delimiter; 0 means DefaultMaxLine.
	MaxLength int

	raw     bool
	scanned int // bytes of buf in which no delimiter begins
}

// LineOnlyReceiver is Twisted's receiver for lines without raw data (R440, R441). It is the same type here.
type LineOnlyReceiver = LineReceiver

type lineHandler interface{ LineReceived(line []byte) }
type rawHandler interface{ RawDataReceived(data []byte) }
type lineLimitHandler interface{ LineLengthExceeded(line []byte) }

// DataReceived is part of reactor.Protocol.
func (l *LineReceiver) DataReceived(data []byte) { l.take(data, l.next) }

// LineLengthExceeded is called for a line that is too long, with everything from its start on (R430). This one closes the connection; define
// another to do something else.
func (l *LineReceiver) LineLengthExceeded([]byte) { l.Transport().LoseConnection() }

// SetRawMode makes what comes next go to RawDataReceived, as it comes (R429).
func (l *LineReceiver) SetRawMode() { l.raw = true }

// SetLineMode goes back to lines, beginning with extra, which RawDataReceived has got but not used.
func (l *LineReceiver) SetLineMode(extra []byte) {
	l.raw, l.scanned = false, 0
	if len(extra) > 0 {
		l.DataReceived(extra)
	}
}

// ClearLineBuffer removes and returns what has not been delivered (R436).
func (l *LineReceiver) ClearLineBuffer() []byte {
	l.scanned = 0
	return l.clear()
}

// SendLine writes a line and the delimiter (R437).
func (l *LineReceiver) SendLine(line []byte) {
	l.Transport().WriteSequence([][]byte{line, l.delimiter()})
}

// ResumeProducing goes on with the delivery, at once with what is there.
func (l *LineReceiver) ResumeProducing() {
	l.paused = false
	l.Transport().ResumeProducing()
	l.take(nil, l.next)
}

func (l *LineReceiver) delimiter() []byte {
	if len(l.Delimiter) == 0 {
		return []byte("\r\n")
	}
	return l.Delimiter
}

// next delivers one line, or all there is in raw mode.
func (l *LineReceiver) next() (more bool) {
	if l.raw {
		handler, ok := l.Self().(rawHandler)
		if !ok {
			panic(missing(l.Self(), "RawDataReceived(data []byte)"))
		}
		handler.RawDataReceived(l.clear())
		return true
	}
	delimiter, longest := l.delimiter(), limit(l.MaxLength, DefaultMaxLine)
	end := bytes.Index(l.buf[l.scanned:], delimiter)
	if end < 0 {
		l.scanned = max(0, len(l.buf)-len(delimiter)+1)
		return l.unfinished(longest + len(delimiter))
	}
	end += l.scanned
	l.scanned = 0
	if end > longest {
		l.exceeded()
		return true
	}
	line := l.cut(end)
	l.cut(len(delimiter))
	l.received(line)
	return true
}

// unfinished checks what there is of a line whose end has not come. A part of the delimiter may be there already (R431).
func (l *LineReceiver) unfinished(most int) (more bool) {
	if len(l.buf) < most {
		return false
	}
	l.exceeded()
	return true
}

func (l *LineReceiver) exceeded() {
	l.Self().(lineLimitHandler).LineLengthExceeded(l.ClearLineBuffer())
}

func (l *LineReceiver) received(line []byte) {
	handler, ok := l.Self().(lineHandler)
	if !ok {
		panic(missing(l.Self(), "LineReceived(line []byte)"))
	}
	handler.LineReceived(line)
}
