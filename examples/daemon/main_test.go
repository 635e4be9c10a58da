package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/service"
)

// stopper stops the reactor when text was printed.
type stopper struct {
	io.Writer
	text string
	r    *reactor.Reactor
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		_ = s.r.Stop() // fails if it was called before
	}
	return s.Writer.Write(p)
}

// run runs the daemon on a UNIX socket until it has printed text.
func run(t *testing.T, listen, text string) (code int, out, said string) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	var printed, stderr bytes.Buffer
	r := reactor.New(reactor.Options{NoSignals: true, Logger: reactortest.NewLog(t).Logger()})
	code = service.Main(r, func(*reactor.Reactor, []string) (service.Service, error) {
		connect := "unix:" + endpoints.QuoteStringArgument(filepath.Join(t.TempDir(), "nothing"))
		if strings.HasPrefix(listen, "unix:") {
			connect = listen
		}
		return build(r, listen, connect, time.Millisecond, &stopper{&printed, text, r})
	}, nil, &stderr)
	return code, printed.String(), stderr.String()
}

func TestTheServicesWorkAndStopInOrder(t *testing.T) {
	listen := "unix:" + endpoints.QuoteStringArgument(filepath.Join(t.TempDir(), "socket"))
	code, out, said := run(t, listen, "answer 3 ")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || said != "" || len(lines) < 6 || lines[0] != "serving; press Ctrl-C to stop" ||
		lines[3] != "answer 3 to a question" || lines[len(lines)-1] != "everything is stopped" {
		t.Errorf("code %d, printed %q, said %q", code, out, said)
	}
}

// If the server cannot listen, the program says why and ends with code 1.
func TestTheServerDoesNotStart(t *testing.T) {
	listen := "unix:" + endpoints.QuoteStringArgument(filepath.Join(t.TempDir(), "no such directory", "socket"))
	code, out, said := run(t, listen, "never")
	if code != 1 || out != "" || !strings.Contains(said, "service: starting endpoints.ServerService: reactor: cannot listen on ") {
		t.Errorf("code %d, printed %q, said %q", code, out, said)
	}
}
