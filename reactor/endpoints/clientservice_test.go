package endpoints_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// service is a ClientService over a memory reactor, with waits of 1, 2, 3 …
// seconds.
type service struct {
	*endpoints.ClientService
	t   *testing.T
	m   *reactortest.MemoryReactor
	f   *testFactory
	log *reactortest.Log
}

func newService(t *testing.T, prepare func(p reactor.Protocol) deferred.Deferred[none]) *service {
	m := reactortest.NewMemoryReactor()
	f := &testFactory{build: func() (reactor.Protocol, error) { return new(reactortest.AccumulatingProtocol), nil }}
	log := reactortest.NewLog(t)
	s := endpoints.NewClientService(endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{}), f, endpoints.ClientServiceOptions{
		Clock:             m,
		RetryPolicy:       func(failures int) time.Duration { return time.Duration(failures) * second },
		PrepareConnection: prepare,
		Logger:            log.Logger(),
	})
	return &service{s, t, m, f, log}
}

// attempts checks how many attempts there were.
func (s *service) attempts(want int) {
	s.t.Helper()
	if got := len(s.m.Dials); got != want {
		s.t.Fatalf("%d attempts, want %d", got, want)
	}
}

// succeed and fail answer the last attempt.
func (s *service) succeed() { s.m.Dials[len(s.m.Dials)-1].Result.Callback(newConn()) }
func (s *service) fail()    { s.m.Dials[len(s.m.Dials)-1].Result.Errback(errTest) }

// last returns the last connection.
func (s *service) last() *reactortest.Attachment { return s.m.Attached[len(s.m.Attached)-1] }

func TestR405_R406_R407_Retrying(t *testing.T) {
	s := newService(t, nil)
	s.attempts(0)
	s.StartService()
	s.attempts(1)
	s.StartService()
	if len(s.log.Take("runs already")) != 1 {
		t.Error("no complaint")
	}
	s.attempts(1)
	s.fail()
	s.m.Advance(second - 1)
	s.attempts(1)
	s.m.Advance(1)
	s.attempts(2)
	s.fail()
	s.m.Advance(2*second - 1)
	s.attempts(2)
	s.m.Advance(1)
	s.attempts(3)
	s.succeed()
	wantNoCalls(t, s.m)
	s.last().Transport.LoseConnection()
	s.m.Advance(second) // R407: counting has begun anew
	s.attempts(4)
	s.succeed()
	s.last().Transport.AbortConnection()
	s.m.Advance(second)
	s.attempts(5)
}

func TestR408_BackoffPolicy(t *testing.T) {
	policy := endpoints.BackoffPolicy(endpoints.Backoff{Jitter: func() time.Duration { return 0 }})
	for n, want := range map[int]time.Duration{1: 1500 * ms, 2: 2250 * ms, 3: 3375 * ms, 100: time.Minute, 1 << 30: time.Minute} {
		if got := policy(n); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
	policy = endpoints.BackoffPolicy(endpoints.Backoff{Initial: 10 * ms, Max: 50 * ms, Factor: 2, Jitter: func() time.Duration { return ms }})
	for n, want := range map[int]time.Duration{1: 21 * ms, 2: 41 * ms, 3: 51 * ms} {
		if got := policy(n); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
	policy = endpoints.BackoffPolicy(endpoints.Backoff{})
	for range 100 {
		if got := policy(1); got < 1500*ms || got >= 2500*ms {
			t.Errorf("jitter gives %v", got)
		}
	}
}

func TestR409_WhenConnected(t *testing.T) {
	s := newService(t, nil)
	early := s.WhenConnected(0)
	s.StartService()
	connecting := s.WhenConnected(0)
	s.fail()
	waiting := s.WhenConnected(0)
	deferredtest.AssertNoResult(t, early)
	s.m.Advance(second)
	s.succeed()
	connected := s.WhenConnected(0)
	for _, d := range []deferred.Deferred[reactor.Protocol]{early, connecting, waiting, connected} {
		if v := deferredtest.SuccessResultOf(t, d); v != s.last().Protocol {
			t.Errorf("got %v", v)
		}
	}
	cancelled := s.WhenConnected(0)
	cancelled.Cancel() // fired: nothing happens
}

func TestR410_FailAfterFailures(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	s.fail()
	first, second2, never := s.WhenConnected(1), s.WhenConnected(2), s.WhenConnected(0)
	given := s.WhenConnected(5)
	given.Cancel()
	deferredtest.FailureResultOf(t, given, deferred.ErrCancelled)
	s.m.Advance(second)
	s.fail()
	deferredtest.FailureResultOf(t, first, errTest)
	deferredtest.AssertNoResult(t, second2)
	s.m.Advance(2 * second)
	s.fail()
	deferredtest.FailureResultOf(t, second2, errTest)
	deferredtest.AssertNoResult(t, never)
	s.m.Advance(3 * second)
	s.succeed()
	deferredtest.SuccessResultOf(t, never)
}

func TestR411_R413_StopWhenConnected(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	s.succeed()
	tr := s.last().Transport
	closeIt := tr.OnLose
	tr.OnLose = nil // closing takes a while
	stops := []deferred.Deferred[none]{s.StopService(), s.StopService()}
	if !tr.Disconnecting() {
		t.Error("the connection is open")
	}
	waiting := s.WhenConnected(0)
	deferredtest.AssertNoResult(t, stops[0])
	closeIt(reactor.ErrConnectionDone)
	for _, d := range stops {
		deferredtest.SuccessResultOf(t, d)
	}
	deferredtest.FailureResultOf(t, waiting, deferred.ErrCancelled)
	deferredtest.FailureResultOf(t, s.WhenConnected(0), deferred.ErrCancelled)
	wantNoCalls(t, s.m)
	s.attempts(1)
}

func TestR411_R414_R423_StopWhileConnecting(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	waiting := s.WhenConnected(0)
	stop := s.StopService()
	if !s.m.Dials[0].Cancelled {
		t.Error("the attempt goes on")
	}
	deferredtest.SuccessResultOf(t, stop)
	deferredtest.FailureResultOf(t, waiting, deferred.ErrCancelled)
	s.f.want(t, "start", "stop") // R423
}

func TestR415_R416_StopBetweenAttempts(t *testing.T) {
	s := newService(t, nil)
	deferredtest.SuccessResultOf(t, s.StopService()) // R416: before start
	s.StartService()
	s.fail()
	deferredtest.SuccessResultOf(t, s.StopService())
	wantNoCalls(t, s.m)
	deferredtest.SuccessResultOf(t, s.StopService())
	s.StartService() // R417: connects again
	s.attempts(2)
}

func TestR412_R417_StartWhileStopping(t *testing.T) {
	s := newService(t, nil)
	s.StartService()
	s.succeed()
	tr := s.last().Transport
	closeIt := tr.OnLose
	tr.OnLose = nil
	stop := s.StopService()
	waiting := s.WhenConnected(0)
	s.StartService()
	s.attempts(1)
	closeIt(reactor.ErrConnectionDone)
	deferredtest.SuccessResultOf(t, stop)
	s.attempts(2)
	deferredtest.AssertNoResult(t, waiting)
	s.succeed()
	deferredtest.SuccessResultOf(t, waiting)
}

func TestR418_AFactoryThatReturnsNil(t *testing.T) {
	s := newService(t, nil)
	s.f.build = func() (reactor.Protocol, error) { return nil, nil }
	s.StartService()
	d := s.WhenConnected(1)
	s.succeed()
	deferredtest.FailureResultOf(t, d, reactor.ErrNoProtocol)
	s.m.Advance(second)
	s.attempts(2)
}

func TestR419_R420_R421_PrepareConnection(t *testing.T) {
	var pending deferred.Deferred[none]
	var prepared []reactor.Protocol
	s := newService(t, func(p reactor.Protocol) deferred.Deferred[none] {
		prepared = append(prepared, p)
		pending = deferred.New[none]()
		return pending
	})
	s.StartService()
	d := s.WhenConnected(0)
	s.succeed()
	deferredtest.AssertNoResult(t, d)
	first := s.last()
	pending.Errback(errTest)
	if !first.Transport.Disconnecting() {
		t.Error("R421: the connection is open")
	}
	deferredtest.AssertNoResult(t, d)
	s.m.Advance(second)
	s.attempts(2)
	s.succeed()
	pending.Callback(none{})
	if v := deferredtest.SuccessResultOf(t, d); v != s.last().Protocol || len(prepared) != 2 {
		t.Errorf("got %v; prepared %d", v, len(prepared))
	}
}

func TestR419_PreparationsThatNeedNoTime(t *testing.T) {
	s := newService(t, func(reactor.Protocol) (zero deferred.Deferred[none]) { return zero })
	s.StartService()
	s.succeed()
	deferredtest.SuccessResultOf(t, s.WhenConnected(0))
	s = newService(t, func(reactor.Protocol) deferred.Deferred[none] { panic(errTest) })
	s.StartService()
	d := s.WhenConnected(1)
	s.succeed()
	deferredtest.FailureResultOf(t, d, errTest)
}

func TestR422_LostWhilePreparing(t *testing.T) {
	cancelled := 0
	s := newService(t, func(reactor.Protocol) deferred.Deferred[none] {
		return deferred.New(func(deferred.Deferred[none]) { cancelled++ })
	})
	s.StartService()
	d := s.WhenConnected(1)
	s.succeed()
	s.last().Transport.AbortConnection()
	deferredtest.FailureResultOf(t, d, reactor.ErrConnectionAborted)
	if cancelled != 1 {
		t.Errorf("cancelled %d times", cancelled)
	}
	s.m.Advance(second)
	s.attempts(2)
	s.succeed()
	stop := s.StopService() // while preparing
	deferredtest.SuccessResultOf(t, stop)
	if cancelled != 2 || !s.last().Transport.Disconnecting() {
		t.Errorf("cancelled %d times", cancelled)
	}
}

func TestR424_DefaultPolicy(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	s := endpoints.NewClientService(endpoints.NewUNIXClientEndpoint(m, "/s", reactor.UNIXDialOptions{}), factoryFor(nil), endpoints.ClientServiceOptions{Clock: m})
	s.StartService()
	m.Dials[0].Result.Errback(errTest)
	m.Advance(1500*ms - 1)
	if len(m.Dials) != 1 {
		t.Error("too early")
	}
	m.Advance(second)
	if len(m.Dials) != 2 {
		t.Error("too late")
	}
}

// pendingListen is an endpoint whose Listen is answered by the test.
type pendingListen struct {
	d deferred.Deferred[reactor.ListeningPort]
}

func (e *pendingListen) Listen(reactor.Factory) deferred.Deferred[reactor.ListeningPort] { return e.d }

func TestR425_ServerService(t *testing.T) {
	m := reactortest.NewMemoryReactor()
	s := endpoints.NewServerService(endpoints.TCP4ServerEndpoint(m, 80, reactor.ListenOptions{}), factoryFor(nil))
	deferredtest.SuccessResultOf(t, s.StopService())
	if err := s.PrivilegedStartService(); err != nil || s.Running() {
		t.Errorf("%v, running %v", err, s.Running())
	}
	if err := s.StartService(); err != nil || len(m.TCPServers) != 1 || !s.Running() {
		t.Errorf("%v, listened %d times, running %v", err, len(m.TCPServers), s.Running())
	}
	deferredtest.SuccessResultOf(t, s.StopService())
	if m.TCPServers[0].Stops != 1 || s.Running() {
		t.Error("still listening")
	}
	m.Err = errTest
	if err := s.StartService(); !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}

	log := reactortest.NewLog(t)
	fails := &pendingListen{deferred.New[reactor.ListeningPort]()}
	s = endpoints.NewServerService(fails, factoryFor(nil))
	s.Logger = log.Logger()
	if err := s.StartService(); err != nil {
		t.Error(err)
	}
	fails.d.Errback(errTest)
	if len(log.Take("listening failed")) != 1 {
		t.Error("nothing was logged")
	}
	cancelled := false
	waits := &pendingListen{deferred.New(func(deferred.Deferred[reactor.ListeningPort]) { cancelled = true })}
	s = endpoints.NewServerService(waits, factoryFor(nil))
	s.Logger = log.Logger()
	_ = s.StartService()
	if deferredtest.SuccessResultOf(t, s.StopService()); !cancelled || len(log.Records()) != 0 {
		t.Errorf("cancelled %v, logged %v", cancelled, log.Records())
	}
}
