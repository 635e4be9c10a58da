package policies_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/policies"
)

// logFile is the log of one connection.
type logFile struct {
	bytes.Buffer
	closed bool
}

func (l *logFile) Close() error {
	l.closed = true
	return nil
}

func TestR465_TrafficLogging(t *testing.T) {
	files := make(map[int]*logFile)
	f := policies.NewTrafficLoggingFactory(new(factory), func(number int) (io.Writer, error) {
		if number > 2 {
			return nil, errTest
		}
		files[number] = new(logFile)
		return files[number], nil
	}, 8)
	first, second := connect(t, f, nil), connect(t, f, nil)
	if _, err := reactor.BuildFrom(f, nil); !errors.Is(err, errTest) {
		t.Errorf("without a log: %v", err)
	}
	p := first.inner().(*recorder)
	first.w.DataReceived([]byte("in\r\n"))
	p.Transport().Write([]byte("longer than that"))
	p.Transport().WriteSequence([][]byte{[]byte("one"), []byte("two")})
	p.Transport().LoseConnection()
	second.AbortConnection()
	want := "*\nC 1: \"in\\r\\n\"\nS 1: \"longer t\" ...\nS 1: \"one\"\nS 1: \"two\"\nS 1: *\n" +
		"C 1: " + reactor.ErrConnectionDone.Error() + "\n"
	if got := files[1].String(); got != want || !files[1].closed {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := files[2].String(); got != "*\nC 2: "+reactor.ErrConnectionAborted.Error()+"\n" || !files[2].closed {
		t.Errorf("got %s", got)
	}
	if p.data != "in\r\n" || first.Value() != "longer than thatonetwo" {
		t.Errorf("in %q, out %q", p.data, first.Value())
	}
}
