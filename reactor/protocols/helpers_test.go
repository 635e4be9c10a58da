package protocols_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// feed gives data to a protocol in pieces of the given size.
func feed(p reactor.Protocol, data string, size int) {
	for i := 0; i < len(data); i += size {
		p.DataReceived([]byte(data[i:min(i+size, len(data))]))
	}
}

// inAnyChunks runs f for each way to cut data into pieces of equal size.
func inAnyChunks(t *testing.T, data string, f func(t *testing.T, feed func(p reactor.Protocol))) {
	t.Helper()
	for size := 1; size <= len(data); size++ {
		t.Run(fmt.Sprintf("size=%d", size), func(t *testing.T) {
			f(t, func(p reactor.Protocol) { feed(p, data, size) })
		})
	}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func wantPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

// wantPanicOf wants a panic with an error that contains text.
func wantPanicOf(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		v := recover()
		if err, ok := v.(error); !ok || !strings.Contains(err.Error(), text) {
			t.Errorf("panic with %v, want an error with %q", v, text)
		}
	}()
	f()
}

// connect gives p a transport that collects what is written.
func connect(p reactor.Protocol) *reactortest.StringTransport {
	t := reactortest.NewStringTransport()
	t.Lenient = true
	reactor.MakeConnection(p, t)
	return t
}
