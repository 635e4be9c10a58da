package endpoints_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// The children of the tests are this test program itself, see init.
const childVariable = "HAWSER_TEST_ENDPOINT_CHILD"

// init copies the standard input to the standard output, writes to the standard
// error, and exits with the code in the variable.
func init() {
	job, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	fmt.Fprint(os.Stderr, "a remark")
	_, _ = io.Copy(os.Stdout, os.Stdin)
	code, _ := strconv.Atoi(job)
	os.Exit(code)
}

func childOptions(code int) endpoints.ProcessEndpointOptions {
	return endpoints.ProcessEndpointOptions{ProcessOptions: reactor.ProcessOptions{
		Env: []string{fmt.Sprint(childVariable, "=", code), "GORACE=atexit_sleep_ms=0"},
	}}
}

// processUser is a protocol that does what its hooks say.
type processUser struct {
	reactor.BaseProtocol
	data   []byte
	onMade func()
	onData func()
	lost   chan error
}

func (p *processUser) ConnectionMade() {
	if p.onMade != nil {
		p.onMade()
	}
}

func (p *processUser) DataReceived(data []byte) {
	p.data = append(p.data, data...)
	if p.onData != nil {
		p.onData()
	}
}

func (p *processUser) ConnectionLost(reason error) { p.lost <- reason }

// halfUser is a processUser that notes the ends of the directions.
type halfUser struct {
	processUser
	ends []string
}

func (p *halfUser) ReadConnectionLost()  { p.ends = append(p.ends, "read") }
func (p *halfUser) WriteConnectionLost() { p.ends = append(p.ends, "write") }

// connectProcess connects p to a child with an exit code.
func connectProcess[P reactor.Protocol](t *testing.T, opts endpoints.ProcessEndpointOptions, p P) (*reactortest.Log, error) {
	t.Helper()
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[P] {
		return endpoints.ConnectProtocol(endpoints.NewProcessEndpoint(r, os.Args[0], nil, opts), p)
	})
	return log, err
}

func newProcessUser() *processUser { return &processUser{lost: make(chan error, 1)} }

func TestR378_CleanEnd(t *testing.T) {
	p := newProcessUser()
	var addr net.Addr
	p.onMade = func() {
		addr = p.Transport().GetPeer()
		p.Transport().Write([]byte("hello"))
		p.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
	}
	log, err := connectProcess(t, childOptions(0), p)
	if reason := <-p.lost; err != nil || reason != reactor.ErrConnectionDone {
		t.Errorf("connected with %v, lost with %v", err, reason)
	}
	if string(p.data) != "hello" || addr.String() != os.Args[0] || addr.Network() != "process" {
		t.Errorf("got %q from %v", p.data, addr)
	}
	if records := log.Take("a remark"); len(records) != 1 || !strings.Contains(records[0], "processUser") {
		t.Errorf("logged %q", records)
	}
}

func TestR378_AnotherEnd(t *testing.T) {
	p := newProcessUser()
	p.onMade = func() { p.Transport().LoseConnection() }
	opts := childOptions(3)
	opts.DropStderr = true
	log, err := connectProcess(t, opts, p)
	reason := <-p.lost
	if e, ok := errors.AsType[*reactor.ProcessTerminatedError](reason); !ok || err != nil || !p.Transport().Disconnecting() {
		t.Errorf("connected with %v, lost with %v, %v", err, reason, e)
	}
	if !errors.Is(reason, reactor.ErrConnectionLost) || len(log.Take("a remark")) > 0 {
		t.Errorf("lost with %v, or the standard error was logged", reason)
	}
}

func TestR378_CannotStart(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	m.Err = os.ErrPermission
	f := factoryFor(newProcessUser())
	var failure error
	endpoints.NewProcessEndpoint(m, "program", nil, endpoints.ProcessEndpointOptions{}).Connect(f).
		OnError(func(err error) { failure = err })
	f.want(t, "start", "stop")
	if failure != os.ErrPermission {
		t.Errorf("failure %v", failure)
	}
	failure = nil
	endpoints.NewProcessEndpoint(m, "program", nil, endpoints.ProcessEndpointOptions{}).Dial().
		OnError(func(err error) { failure = err })
	if failure != errors.ErrUnsupported {
		t.Errorf("Dial: %v", failure)
	}
}

func TestProcessEndpointWithAFake(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	p := &halfUser{processUser: *newProcessUser()}
	f := factoryFor(p)
	e := endpoints.NewProcessEndpoint(m, "program", []string{"program", "x"}, endpoints.ProcessEndpointOptions{DropStderr: true})
	e.Connect(f)
	proc := m.Processes[0]
	tr := p.Transport()
	tr.Write([]byte("a"))
	proc.Receive(1, "b")
	proc.Receive(2, "dropped")
	tr.(reactor.HalfCloserTransport).LoseWriteConnection()
	proc.LoseFD(0)
	proc.LoseFD(1)
	if got := fmt.Sprintf("%s %s %v %v %v", proc.Written[0], p.data, proc.Closed, p.ends, proc.Args); got != "a b [0] [write read] [program x]" {
		t.Error(got)
	}
	proc.End(0)
	f.want(t, "start", "stop")
	if reason := <-p.lost; reason != reactor.ErrConnectionDone {
		t.Errorf("lost with %v", reason)
	}

	q := newProcessUser()
	e.Connect(factoryFor(q))
	q.Transport().StopProducing()
	q.Transport().AbortConnection()
	m.Processes[1].Receive(1, "dropped")
	m.Processes[1].ExitBySignal(9)
	for fd := range 3 {
		m.Processes[1].LoseFD(fd)
	}
	if reason := <-q.lost; reason != reactor.ErrConnectionAborted || len(q.data) > 0 || !m.Processes[1].Aborted {
		t.Errorf("lost with %v after %q", reason, q.data)
	}
}

func TestProcessEndpointPanics(t *testing.T) {
	for _, where := range []string{"ConnectionMade", "DataReceived"} {
		t.Run(where, func(t *testing.T) {
			p := newProcessUser()
			fault := func() { panic("fault") }
			if p.onData = fault; where == "ConnectionMade" {
				p.onMade = fault
			} else {
				p.onMade = func() { p.Transport().Write([]byte("x")) }
			}
			log, err := connectProcess(t, childOptions(0), p)
			if _, ok := errors.AsType[*deferred.PanicError](err); ok != (where == "ConnectionMade") {
				t.Errorf("connected with %v", err)
			}
			if _, ok := errors.AsType[*deferred.PanicError](<-p.lost); !ok {
				t.Error("the reason is not the panic")
			}
			if len(log.Take("panic in")) != 1 {
				t.Errorf("logged %q", log.Records())
			}
		})
	}
}

func TestProcessEndpointDial(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	nc, err := reactor.Await(t.Context(), r, func() deferred.Deferred[net.Conn] {
		return endpoints.NewProcessEndpoint(r, os.Args[0], nil, childOptions(0)).Dial()
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write([]byte("hello")); err != nil {
		t.Error(err)
	}
	if err := nc.(*reactor.NetConn).CloseWrite(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(nc); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := nc.Close(); err != nil {
		t.Error(err)
	}
}
