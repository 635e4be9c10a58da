package protocols

import "bytes"

// DefaultMaxLine is the default of LineReceiver.MaxLength.
const DefaultMaxLine = 16384

// LineReceiver splits received data into lines. The type that embeds a
// LineReceiver must have a method LineReceived(line []byte), which receives
// each line without its delimiter. A type that uses SetRawMode must also have a
// method RawDataReceived(data []byte). A missing method is a panic on delivery.
type LineReceiver struct {
	receiver

	// Delimiter ends a line. An empty one means CR LF. A new value may be
	// assigned at any time and applies to all data not yet delivered.
	Delimiter []byte

	// MaxLength is the maximum length of a line in bytes, without the
	// delimiter. A value that is not positive means DefaultMaxLine.
	MaxLength int

	raw        bool
	scanned    int    // no delimiter begins in this many bytes of buf
	scannedFor string // the delimiter that scanned is about
}

type lineHandler interface{ LineReceived(line []byte) }
type rawHandler interface{ RawDataReceived(data []byte) }
type lineLimitHandler interface{ LineLengthExceeded(line []byte) }

// LineLengthExceeded is called when a line is longer than MaxLength. The
// argument is all undelivered data, from the start of that line. This method
// closes the connection; define another one on the embedding type to continue
// after the data.
func (l *LineReceiver) LineLengthExceeded([]byte) { l.Transport().LoseConnection() }

// SetRawMode sends all further data to RawDataReceived on arrival, unsplit.
func (l *LineReceiver) SetRawMode() { l.raw = true }

// SetLineMode ends raw mode. The first lines come from extra: data, possibly
// none, that RawDataReceived has received and not used.
func (l *LineReceiver) SetLineMode(extra []byte) {
	l.raw, l.scanned = false, 0
	if len(extra) > 0 {
		l.receiver.DataReceived(extra)
	}
}

// ClearLineBuffer removes and returns all received data that has not been
// delivered.
func (l *LineReceiver) ClearLineBuffer() []byte {
	l.scanned = 0
	return l.clear()
}

// SendLine writes line and the delimiter.
func (l *LineReceiver) SendLine(line []byte) {
	l.Transport().WriteSequence([][]byte{line, l.delimiter()})
}

func (l *LineReceiver) delimiter() []byte {
	if len(l.Delimiter) == 0 {
		return []byte("\r\n")
	}
	return l.Delimiter
}

// split delivers one line, in raw mode the whole buffer.
func (l *LineReceiver) split() (more bool) {
	if l.raw {
		l.rawReceived(l.clear())
		return true
	}
	delimiter, longest := l.delimiter(), limit(l.MaxLength, DefaultMaxLine)
	end := l.find(delimiter)
	if end < 0 {
		return l.unfinished(len(l.buf)-len(delimiter), longest)
	}
	if end > longest {
		l.exceeded()
		return true
	}
	line := l.cut(end)
	l.cut(len(delimiter))
	l.received(line)
	return true
}

// find returns the index of the first delimiter in the buffer, or -1. A part
// without a delimiter is not scanned again when more data arrives.
func (l *LineReceiver) find(delimiter []byte) int {
	if string(delimiter) != l.scannedFor {
		l.scanned, l.scannedFor = 0, string(delimiter)
	}
	from := l.scanned
	end := bytes.Index(l.buf[from:], delimiter)
	if end < 0 {
		l.scanned = max(0, len(l.buf)-len(delimiter)+1)
		return -1
	}
	l.scanned = 0
	return from + end
}

// unfinished checks the length of a line without a delimiter. length does not
// count the last bytes, as many as the delimiter has: all but one of them may
// be the beginning of the delimiter.
func (l *LineReceiver) unfinished(length, longest int) (more bool) {
	if length < longest {
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

func (l *LineReceiver) rawReceived(data []byte) {
	handler, ok := l.Self().(rawHandler)
	if !ok {
		panic(missing(l.Self(), "RawDataReceived(data []byte)"))
	}
	handler.RawDataReceived(data)
}
