package endpoints_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestR377_StandardIOEndpoint(t *testing.T) {
	for _, text := range []string{"stdio", "stdio:", "STDIO:"} {
		m := reactortest.NewMemoryReactor()
		e, err := endpoints.ServerFromString(m, text)
		if err != nil {
			t.Fatal(err)
		}
		p := new(reactortest.AccumulatingProtocol)
		f := factoryFor(p)
		port := deferredtest.SuccessResultOf(t, e.Listen(f))
		if tr, ok := port.(reactor.Transport); !ok || len(m.Standard) != 1 || !p.Made || port.GetHost() != tr.GetHost() {
			t.Fatalf("%s: port %T, calls %v", text, port, m.Standard)
		}
		port.(reactor.Transport).Write([]byte("hello"))
		if got := m.Standard[0].Transport.TakeValue(); got != "hello" {
			t.Errorf("%s: wrote %q", text, got)
		}
		listen, ok := errors.AsType[*reactor.CannotListenError](port.StartListening())
		if !ok || listen.Error() == "" {
			t.Errorf("%s: StartListening: %v", text, listen)
		}
		stopped := port.StopListening()
		deferredtest.SuccessResultOf(t, stopped)
		deferredtest.SuccessResultOf(t, port.StopListening())
		f.want(t, "start", "stop")
		if !p.Closed {
			t.Errorf("%s: the connection is open", text)
		}
	}
}

func TestR377_StandardIOEndpointFailures(t *testing.T) {
	for name, build := range map[string]func() (reactor.Protocol, error){
		"error":       func() (reactor.Protocol, error) { return nil, errTest },
		"panic":       func() (reactor.Protocol, error) { panic(errTest) },
		"no protocol": func() (reactor.Protocol, error) { return nil, nil },
		"bad hook":    func() (reactor.Protocol, error) { return new(boom), nil },
	} {
		f := &testFactory{build: build}
		m := reactortest.NewMemoryReactor()
		err := deferredtest.FailureResultOf(t, endpoints.NewStandardIOEndpoint(m, reactor.StandardIOOptions{}).Listen(f))
		if name == "no protocol" && !errors.Is(err, reactor.ErrNoProtocol) || name != "no protocol" && !errors.Is(err, errTest) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "bad hook" { // a fake reactor does not recover the panic
			f.want(t, "start", "stop")
		}
	}
	m := reactortest.NewMemoryReactor()
	if _, err := endpoints.ServerFromString(m, "stdio:x"); err == nil {
		t.Error("no error for an argument")
	}
}

// A service on standard input and output stops when all output is read, or its
// StopService is cancelled.
func TestR377_R425_StandardIOService(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		r := reactortest.Start(t, reactor.Options{})
		in, farIn, out, farOut := pipes(t)
		var s *endpoints.ServerService
		proto := new(reactortest.AccumulatingProtocol)
		content := make([]byte, 1<<20)
		stopped := make(chan error, 1)
		_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[none] {
			e := endpoints.NewStandardIOEndpoint(r, reactor.StandardIOOptions{Stdin: in, Stdout: out})
			s = endpoints.NewServerService(e, factoryFor(proto))
			if err := s.StartService(); err != nil {
				t.Error(err)
			}
			proto.Transport().Write(content)
			d := s.StopService()
			if cancel {
				d.Cancel()
			}
			d.OnResult(func(_ none, err error) { stopped <- err })
			return deferred.Succeed(none{})
		})
		if err != nil {
			t.Fatal(err)
		}
		if !cancel {
			if _, err := io.ReadFull(farOut, content); err != nil {
				t.Error(err)
			}
		}
		if err := <-stopped; errors.Is(err, deferred.ErrCancelled) != cancel {
			t.Errorf("cancel %v: %v", cancel, err)
		}
		farIn.Close()
	}
}

// pipes returns two pipes: the ends for a connection, and the far ones.
func pipes(t *testing.T) (in, farIn, out, farOut *os.File) {
	t.Helper()
	in, farIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	farOut, out, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{in, farIn, out, farOut} {
			f.Close()
		}
	})
	return in, farIn, out, farOut
}
