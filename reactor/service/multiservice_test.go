package service_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/service"
)

var (
	_ service.Service           = (*service.MultiService)(nil)
	_ service.Service           = (*service.TimerService)(nil)
	_ service.Service           = (*endpoints.ServerService)(nil)
	_ service.Service           = (*endpoints.ClientService)(nil)
	_ service.PrivilegedStarter = (*endpoints.ServerService)(nil)
	_ service.PrivilegedStarter = (*service.MultiService)(nil)
)

// family returns a MultiService with a part for each name.
func family(t *testing.T, events *notes, names ...string) (m *service.MultiService, parts []*part) {
	t.Helper()
	m = new(service.MultiService)
	for _, name := range names {
		p := newPart(events, name)
		mustAdd(t, m, p)
		parts = append(parts, p)
	}
	return m, parts
}

func mustAdd(t *testing.T, m *service.MultiService, s service.Service) {
	t.Helper()
	if err := m.AddService(s); err != nil {
		t.Fatal(err)
	}
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b", "c")
	outer := new(service.MultiService)
	mustAdd(t, outer, newPart(&events, "first"))
	mustAdd(t, outer, m)
	mustAdd(t, outer, newPart(&events, "last"))
	mustStart(t, outer)
	events.want(t, "start first", "start a", "start b", "start c", "start last")
	mustStart(t, outer) // does nothing
	if !outer.Running() || !m.Running() || !parts[1].Running() {
		t.Error("something is not running")
	}
	deferredtest.SuccessResultOf(t, outer.StopService())
	events.want(t, "stop last", "stop c", "stop b", "stop a", "stop first")
	if outer.Running() || m.Running() || parts[1].Running() {
		t.Error("something is running")
	}
	deferredtest.SuccessResultOf(t, outer.StopService())
	events.want(t)
	mustStart(t, outer)
	events.want(t, "start first", "start a", "start b", "start c", "start last")
}

// All services begin to stop at once, and StopService waits for all.
func TestStopsAtOnce(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b", "c")
	mustStart(t, m)
	ends := []deferred.Deferred[none]{deferred.New[none](), deferred.New[none]()}
	for i := range ends {
		parts[i].onStop = func() deferred.Deferred[none] { return ends[i] }
	}
	events = nil
	d := m.StopService()
	events.want(t, "stop c", "stop b", "stop a")
	ends[1].Callback(none{})
	deferredtest.AssertNoResult(t, d)
	ends[0].Callback(none{})
	deferredtest.SuccessResultOf(t, d)
}

// With InTurn, each service is stopped when the next one has ended. Everything
// that is asked meanwhile waits for the same end.
func TestStopsInTurn(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b", "c")
	m.InTurn = true
	mustStart(t, m)
	ended := deferred.New[none]()
	parts[1].onStop = func() deferred.Deferred[none] { return ended }
	events = nil
	one, two := m.StopService(), m.StopService()
	events.want(t, "stop c", "stop b")
	if err := m.StartService(); !errors.Is(err, service.ErrStopping) {
		t.Errorf("StartService: %v", err)
	}
	removed := m.RemoveService(parts[1])
	added := newPart(&events, "d")
	mustAdd(t, m, added)
	two.Cancel() // concerns nobody else
	deferredtest.FailureResultOf(t, two, deferred.ErrCancelled)
	deferredtest.AssertNoResult(t, one)
	deferredtest.AssertNoResult(t, removed)
	ended.Callback(none{})
	deferredtest.SuccessResultOf(t, one)
	deferredtest.SuccessResultOf(t, removed)
	events.want(t, "stop a")
	if added.Running() {
		t.Error("a service was started that was added while stopping")
	}
}

func TestFailuresToStopAreCollected(t *testing.T) {
	for _, inTurn := range []bool{false, true} {
		failuresToStop(t, inTurn)
	}
}

func failuresToStop(t *testing.T, inTurn bool) {
	var events notes
	m, parts := family(t, &events, "a", "b", "c")
	m.InTurn = inTurn
	failures := []error{errors.New("late"), errors.New("at once")}
	ended := deferred.New[none]()
	parts[0].onStop = func() deferred.Deferred[none] { return ended }
	parts[1].onStop = func() deferred.Deferred[none] { panic(errTest) }
	parts[2].onStop = func() deferred.Deferred[none] { return deferred.Fail[none](failures[1]) }
	mustStart(t, m)
	d := m.StopService()
	ended.Errback(failures[0])
	err := deferredtest.FailureResultOf(t, d)
	for _, want := range append(failures, errTest) {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	for _, want := range []string{"service: stopping a: late", "service: stopping b: ", "service: stopping c: at once"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}

// Cancelling StopService cancels the services that hang; the others follow.
func TestCancelledStop(t *testing.T) {
	for _, inTurn := range []bool{false, true} {
		var events notes
		m, parts := family(t, &events, "a", "b")
		m.InTurn = inTurn
		cancelled := false
		parts[1].onStop = func() deferred.Deferred[none] {
			return deferred.New(func(deferred.Deferred[none]) { cancelled = true })
		}
		mustStart(t, m)
		d := m.StopService()
		deferredtest.AssertNoResult(t, d)
		d.Cancel()
		events.want(t, "start a", "start b", "stop b", "stop a")
		deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
		if !cancelled || !m.StopService().Called() || parts[0].Running() {
			t.Error("the services have not ended")
		}
	}
}

// A service that does not start stops those before it, and leaves those after
// it.
func TestFailureToStart(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errTest },
		"panic": func() error { panic(errTest) },
	} {
		var events notes
		m, parts := family(t, &events, "a", "b", "c", "d")
		outer := new(service.MultiService)
		mustAdd(t, outer, newPart(&events, "x"))
		mustAdd(t, outer, m)
		parts[2].onStart = fail
		ended := deferred.New[none]()
		parts[1].onStop = func() deferred.Deferred[none] { return ended }
		err := outer.StartService()
		e, ok := errors.AsType[*service.Error](err)
		if !ok || e.Op != "starting" || e.Name != "c" || !errors.Is(err, errTest) {
			t.Errorf("%s: %v", name, err)
		}
		events.want(t, "start x", "start a", "start b", "start c", "stop b", "stop a", "stop x")
		if outer.Running() || m.Running() || parts[2].Running() {
			t.Errorf("%s: something is running", name)
		}
		all := []deferred.Deferred[none]{m.StopService(), outer.StopService()} // wait
		for _, d := range all {
			deferredtest.AssertNoResult(t, d)
		}
		ended.Callback(none{})
		for _, d := range all {
			deferredtest.SuccessResultOf(t, d)
		}
	}
}

// The failure of a service to stop after another one's failure to start is
// part of the error.
func TestFailureToStartAndToStop(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b")
	other := errors.New("another")
	parts[0].onStop = func() deferred.Deferred[none] { return deferred.Fail[none](other) }
	parts[1].onStart = func() error { return errTest }
	if err := m.StartService(); !errors.Is(err, errTest) || !errors.Is(err, other) {
		t.Errorf("%v", err)
	}
}

func TestAddAndRemove(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a")
	mustStart(t, m)
	b := newPart(&events, "b")
	mustAdd(t, m, b)
	events.want(t, "start a", "start b")
	if m.GetServiceNamed("b") != b || m.GetServiceNamed("c") != nil || m.GetServiceNamed("") != nil || b.Parent() != m {
		t.Error("the service is not found")
	}
	failing := newPart(&events, "c")
	failing.onStart = func() error { return errTest }
	if err := m.AddService(failing); !errors.Is(err, errTest) || failing.Parent() != nil || m.GetServiceNamed("c") != nil {
		t.Errorf("%v, parent %v", err, failing.Parent())
	}
	for what, tt := range map[string]struct {
		s    service.Service
		want error
	}{
		"twice":  {b, service.ErrHasParent},
		"name":   {newPart(&events, "b"), service.ErrNameTaken},
		"itself": {m, service.ErrCircle},
	} {
		if err := m.AddService(tt.s); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := m.AddService(newPart(&events, "b")); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("the error does not have the name: %v", err)
	}
	inner := new(service.MultiService)
	mustAdd(t, m, inner)
	mustAdd(t, m, newPart(&events, "")) // without a name
	mustAdd(t, m, newPart(&events, ""))
	outer := new(service.MultiService)
	mustAdd(t, outer, m)
	if err := inner.AddService(outer); !errors.Is(err, service.ErrCircle) {
		t.Errorf("a circle: %v", err)
	}
	events = nil
	deferredtest.SuccessResultOf(t, b.Parent().RemoveService(b))
	events.want(t, "stop b")
	if b.Parent() != nil || slices.Contains(m.Services(), service.Service(b)) {
		t.Error("the service was not removed")
	}
	deferredtest.FailureResultOf(t, m.RemoveService(b), service.ErrNotChild)
	stopped := new(service.MultiService)
	mustAdd(t, stopped, b)
	deferredtest.SuccessResultOf(t, stopped.RemoveService(b))
	deferredtest.SuccessResultOf(t, m.StopService())
	events.want(t, "stop ", "stop ", "stop a")
	if parts[0].Running() {
		t.Error("a runs")
	}
}

func TestNames(t *testing.T) {
	var s service.BaseService
	s.SetName("x")
	if s.Name() != "x" {
		t.Errorf("name %q", s.Name())
	}
	m := new(service.MultiService)
	p := new(part)
	p.events = new(notes)
	mustAdd(t, m, p)
	p.onStart = func() error { return errTest }
	if err := m.StartService(); err == nil || !strings.Contains(err.Error(), "starting service_test.part: ") {
		t.Errorf("%v", err)
	}
	defer func() {
		if recover() != service.ErrHasParent {
			t.Error("SetName did not panic")
		}
	}()
	p.SetName("y")
}

// A service may add another one to its parent while it starts.
func TestAddWhileStarting(t *testing.T) {
	var events notes
	m, parts := family(t, &events, "a", "b")
	parts[0].onStart = func() error { return m.AddService(newPart(&events, "c")) }
	mustStart(t, m)
	events.want(t, "start a", "start b", "start c")
	deferredtest.SuccessResultOf(t, m.StopService())
	events.want(t, "stop c", "stop b", "stop a")
}

// privileged is a part with a privileged start.
type privileged struct{ *part }

func (p privileged) PrivilegedStartService() error {
	*p.events = append(*p.events, "privileged "+p.Name())
	if p.Name() == "bad" {
		return errTest
	}
	return nil
}

func TestPrivilegedStart(t *testing.T) {
	var events notes
	m := new(service.MultiService)
	inner := new(service.MultiService)
	mustAdd(t, m, newPart(&events, "drop"))
	mustAdd(t, m, inner)
	mustAdd(t, inner, privileged{newPart(&events, "a")})
	mustAdd(t, m, privileged{newPart(&events, "b")})
	if err := m.PrivilegedStartService(); err != nil {
		t.Error(err)
	}
	mustStart(t, m)
	mustAdd(t, m, privileged{newPart(&events, "late")})
	events.want(t, "privileged a", "privileged b", "start drop", "start a", "start b", "privileged late", "start late")
	bad := privileged{newPart(&events, "bad")}
	if err := m.AddService(bad); !errors.Is(err, errTest) || bad.Parent() != nil {
		t.Errorf("%v", err)
	}
	other := new(service.MultiService)
	mustAdd(t, other, bad)
	if err := other.PrivilegedStartService(); err == nil || err.Error() != "service: starting bad: failed as it should" {
		t.Errorf("%v", err)
	}
}
