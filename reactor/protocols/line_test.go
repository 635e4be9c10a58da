package protocols_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/protocols"
)

// liner notes lines and raw data, and does what its hooks say.
type liner struct {
	protocols.LineReceiver
	got    []string
	onLine func(line string)
	onRaw  func(data []byte)
}

func (l *liner) LineReceived(line []byte) {
	l.got = append(l.got, string(line))
	if l.onLine != nil {
		l.onLine(string(line))
	}
}

func (l *liner) RawDataReceived(data []byte) {
	l.got = append(l.got, "raw "+string(data))
	if l.onRaw != nil {
		l.onRaw(data)
	}
}

// strict notes lines that are too long instead of closing.
type strict struct {
	liner
	exceeded []string
}

func (s *strict) LineLengthExceeded(line []byte) { s.exceeded = append(s.exceeded, string(line)) }

func TestR427_R428_Lines(t *testing.T) {
	for _, delimiter := range []string{"", "\n", "--", "aab"} {
		d := delimiter
		if d == "" {
			d = "\r\n"
		}
		data := "one" + d + d + "three \r a" + d + "unfinished"
		inAnyChunks(t, data, func(t *testing.T, feed func(reactor.Protocol)) {
			l := new(liner)
			if delimiter != "" {
				l.Delimiter = []byte(delimiter)
			}
			connect(l)
			feed(l)
			want(t, l.got, "one", "", "three \r a")
			l.DataReceived([]byte(d))
			want(t, l.got, "one", "", "three \r a", "unfinished")
		})
	}
}

func TestR429_RawMode(t *testing.T) {
	inAnyChunks(t, "len 5\r\nab\r\ncline\r\n", func(t *testing.T, feed func(reactor.Protocol)) {
		l := new(liner)
		var raw bytes.Buffer
		l.onLine = func(line string) {
			if line == "len 5" {
				l.SetRawMode()
			}
		}
		l.onRaw = func(data []byte) {
			n := min(5-raw.Len(), len(data))
			raw.Write(data[:n])
			if raw.Len() == 5 {
				l.SetLineMode(data[n:])
			}
		}
		connect(l)
		feed(l)
		if raw.String() != "ab\r\nc" || l.got[len(l.got)-1] != "line" || l.got[0] != "len 5" {
			t.Errorf("raw %q, got %q", &raw, l.got)
		}
	})
}

// switcher goes to raw mode after each line, and back at once.
type switcher struct {
	protocols.LineReceiver
	lines       int
	first, last int // depths of the stack
}

func (s *switcher) LineReceived([]byte) {
	s.last = runtime.Callers(0, make([]uintptr, 1000))
	if s.lines++; s.lines == 1 {
		s.first = s.last
	}
	s.SetRawMode()
}

func (s *switcher) RawDataReceived(data []byte) { s.SetLineMode(data) }

func TestR429_ManySwitchesInOneChunk(t *testing.T) {
	const switches = 1_000
	s := new(switcher)
	connect(s)
	s.DataReceived([]byte(strings.Repeat("x\r\n", switches)))
	if s.lines != switches {
		t.Errorf("%d lines", s.lines)
	}
	if s.last != s.first {
		t.Errorf("the stack has grown from %d to %d frames", s.first, s.last)
	}
}

func TestR430_R431_R441_LinesThatAreTooLong(t *testing.T) {
	inAnyChunks(t, "12345\r\n", func(t *testing.T, feed func(reactor.Protocol)) {
		fine := &strict{}
		fine.MaxLength = 5
		connect(fine)
		feed(fine)
		want(t, fine.got, "12345")
		want(t, fine.exceeded)
	})
	long := &strict{}
	long.MaxLength = 5
	connect(long)
	long.DataReceived([]byte("123456\r\nmore\r\n"))
	want(t, long.got)
	want(t, long.exceeded, "123456\r\nmore\r\n") // everything from the start of the line on
	long.DataReceived([]byte("next\r\n"))
	want(t, long.got, "next")

	unfinished := &strict{}
	unfinished.MaxLength = 5
	connect(unfinished)
	unfinished.DataReceived([]byte("12345\r"))
	want(t, unfinished.exceeded)
	unfinished.DataReceived([]byte("x"))
	want(t, unfinished.exceeded, "12345\rx")

	closing := new(liner)
	tr := connect(closing)
	closing.DataReceived(bytes.Repeat([]byte("x"), 16384+1))
	if tr.Disconnecting() {
		t.Error("closed for a line that may be just short enough")
	}
	closing.DataReceived([]byte("x"))
	if !tr.Disconnecting() {
		t.Error("the connection is open")
	}
}

func TestR432_NothingAfterTheClose(t *testing.T) {
	l := new(liner)
	connect(l)
	l.onLine = func(string) { l.Transport().LoseConnection() }
	l.DataReceived([]byte("one\r\ntwo\r\n"))
	l.DataReceived([]byte("three\r\n"))
	want(t, l.got, "one")
}

func TestR433_R434_R435_Pausing(t *testing.T) {
	l := new(liner)
	tr := connect(l)
	l.onLine = func(line string) {
		switch line {
		case "pause":
			l.PauseProducing()
		case "both":
			l.PauseProducing()
			l.ResumeProducing()
			l.got = append(l.got, "returned") // the loop goes on afterwards
		}
	}
	l.DataReceived([]byte("one\r\npause\r\ntwo\r\n"))
	l.DataReceived([]byte("three\r\n"))
	want(t, l.got, "one", "pause")
	if tr.State != "paused" {
		t.Errorf("the transport is %s", tr.State)
	}
	l.ResumeProducing()
	want(t, l.got, "one", "pause", "two", "three")
	l.got = nil
	l.DataReceived([]byte("both\r\nlast\r\n"))
	want(t, l.got, "both", "returned", "last")

	l.got = nil
	l.onLine = func(line string) { l.SetRawMode(); l.PauseProducing() }
	l.DataReceived([]byte("to raw\r\nraw data"))
	want(t, l.got, "to raw")
	l.ResumeProducing()
	want(t, l.got, "to raw", "raw raw data")

	stopped := new(liner)
	tr = connect(stopped)
	stopped.onLine = func(string) { stopped.StopProducing() }
	stopped.DataReceived([]byte("one\r\ntwo\r\n"))
	want(t, stopped.got, "one")
	if tr.State != "stopped" {
		t.Errorf("the transport is %s", tr.State)
	}
}

func TestR435_DataThatArrivesWhileALineIsHandled(t *testing.T) {
	l := new(liner)
	connect(l)
	l.onLine = func(line string) {
		if line == "one" {
			l.DataReceived([]byte("three\r\n"))
			want(t, l.got, "one")
		}
	}
	l.DataReceived([]byte("one\r\ntwo\r\n"))
	want(t, l.got, "one", "two", "three")
}

func TestR436_ClearLineBuffer(t *testing.T) {
	l := new(liner)
	connect(l)
	l.onLine = func(line string) {
		if line == "clear" {
			l.got = append(l.got, fmt.Sprintf("cleared %q", l.ClearLineBuffer()))
		}
	}
	l.DataReceived([]byte("clear\r\nrest\r\nof"))
	want(t, l.got, "clear", `cleared "rest\r\nof"`)
	l.DataReceived([]byte("new\r\n"))
	want(t, l.got, "clear", `cleared "rest\r\nof"`, "new")
}

// A delimiter that is changed in mid-line applies to the data that is there.
func TestF49_R427_TheDelimiterChangesInMidLine(t *testing.T) {
	l := new(liner)
	connect(l)
	l.DataReceived([]byte("one|two|thr"))
	want(t, l.got)
	l.Delimiter = []byte("|")
	l.DataReceived([]byte("ee"))
	want(t, l.got, "one", "two")
	l.Delimiter[0] = 'r' // in place
	l.DataReceived([]byte("e"))
	want(t, l.got, "one", "two", "th")

	l = new(liner)
	l.onLine = func(line string) { l.Delimiter = []byte(line) }
	connect(l)
	l.DataReceived([]byte("--\r\none--"))
	want(t, l.got, "--", "one")
}

// A protocol that is paused when its connection is lost gets nothing more.
func TestR215_NothingAfterTheLoss(t *testing.T) {
	l := new(liner)
	tr := connect(l)
	l.onLine = func(string) { l.PauseProducing() }
	l.DataReceived([]byte("one\r\ntwo\r\n"))
	reactor.EndConnection(l, reactor.ErrConnectionLost)
	l.ResumeProducing()
	l.DataReceived([]byte("three\r\n"))
	want(t, l.got, "one")
	if tr.Disconnecting() {
		t.Error("the receiver has closed the connection itself")
	}
}

func TestR437_SendLine(t *testing.T) {
	l := new(liner)
	tr := connect(l)
	l.SendLine([]byte("hello"))
	l.Delimiter = []byte("|")
	l.SendLine([]byte("again"))
	if got := tr.Value(); got != "hello\r\nagain|" {
		t.Errorf("got %q", got)
	}
}

func TestR439_MissingMethods(t *testing.T) {
	bare := new(struct{ protocols.LineReceiver })
	connect(bare)
	wantPanicOf(t, "no method LineReceived", func() { bare.DataReceived([]byte("x\r\n")) })
	bare.SetRawMode()
	wantPanicOf(t, "no method RawDataReceived", func() { bare.DataReceived([]byte("x")) })
}

func TestR440_LineOnlyReceiver(t *testing.T) {
	p := new(struct {
		protocols.LineOnlyReceiver
		lineNotes
	})
	connect(p)
	p.DataReceived([]byte("one\r\ntwo\r\n"))
	want(t, p.lines, "one", "two")
}

type lineNotes struct{ lines []string }

func (n *lineNotes) LineReceived(line []byte) { n.lines = append(n.lines, string(line)) }

// What is delivered stays as it is, whatever comes later.
func TestLinesBelongToTheReceiver(t *testing.T) {
	var kept [][]byte
	l := &keeper{keep: func(line []byte) { kept = append(kept, line) }}
	connect(l)
	for i := range 100 {
		feed(l, fmt.Sprintf("line %d\r\n", i), 3)
		kept[i] = append(kept[i], "!"...)
	}
	for i, line := range kept {
		if string(line) != fmt.Sprintf("line %d!", i) {
			t.Fatalf("line %d became %q", i, line)
		}
	}
}

type keeper struct {
	protocols.LineReceiver
	keep func(line []byte)
}

func (k *keeper) LineReceived(line []byte) { k.keep(line) }

func FuzzLineReceiver(f *testing.F) {
	f.Add([]byte("one\r\ntwo\r\n"), uint8(1), uint8(3))
	f.Add([]byte("\r\r\n\n\r"), uint8(2), uint8(0))
	f.Add([]byte("long line without an end"), uint8(5), uint8(4))
	f.Fuzz(func(t *testing.T, data []byte, size, longest uint8) {
		l := &strict{}
		l.MaxLength = int(longest) + 1
		connect(l)
		feed(l, string(data), int(size)+1)
		for _, line := range l.got {
			if len(line) > l.MaxLength || strings.Contains(line, "\r\n") {
				t.Errorf("got line %q", line)
			}
		}
		rest := l.ClearLineBuffer()
		if len(rest) >= l.MaxLength+2 {
			t.Errorf("%d bytes are kept", len(rest))
		}
		if len(l.exceeded) == 0 {
			again := strings.Join(append(l.got, string(rest)), "\r\n")
			if again != string(data) {
				t.Errorf("%q became %q", data, again)
			}
		}
	})
}
