package endpoints_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

const ms = time.Millisecond

// raceTest is a HostnameEndpoint for a name with three addresses.
func raceTest() (*reactortest.MemoryReactor, *endpoints.HostnameEndpoint) {
	m := reactortest.NewMemoryReactor()
	for _, a := range []string{"2001:db8::1", "192.0.2.1", "192.0.2.2"} {
		m.Hosts["host.example"] = append(m.Hosts["host.example"], netip.MustParseAddr(a))
	}
	return m, endpoints.NewHostnameEndpoint(m, "host.example", 22, endpoints.HostnameOptions{})
}

func wantDials(t *testing.T, m *reactortest.MemoryReactor, want string) {
	t.Helper()
	var got []string
	for _, d := range m.Dials {
		got = append(got, d.Address)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("dialled %v, want %s", got, want)
	}
}

func TestR379_R380_R381_TheFirstSuccessWins(t *testing.T) {
	m, e := raceTest()
	d := e.Dial()
	wantDials(t, m, "[2001:db8::1]:22")
	m.Advance(299 * ms)
	wantDials(t, m, "[2001:db8::1]:22")
	m.Advance(1 * ms)
	wantDials(t, m, "[2001:db8::1]:22 192.0.2.1:22") // without waiting for the first
	nc := newConn()
	m.Dials[1].Result.Callback(nc)
	if v := deferredtest.SuccessResultOf(t, d); v != nc {
		t.Errorf("got %v", v)
	}
	if !m.Dials[0].Cancelled {
		t.Error("the other attempt goes on")
	}
	wantNoCalls(t, m)
	m.Advance(second)
	wantDials(t, m, "[2001:db8::1]:22 192.0.2.1:22")
}

func TestR382_AFailureBringsTheNextForward(t *testing.T) {
	m, e := raceTest()
	d := e.Dial()
	m.Advance(100 * ms)
	m.Dials[0].Result.Errback(errTest)
	wantDials(t, m, "[2001:db8::1]:22 192.0.2.1:22")
	m.Advance(299 * ms)
	wantDials(t, m, "[2001:db8::1]:22 192.0.2.1:22") // the stagger begins anew
	m.Advance(1 * ms)
	wantDials(t, m, "[2001:db8::1]:22 192.0.2.1:22 192.0.2.2:22")
	m.Dials[1].Result.Errback(errTest)
	deferredtest.AssertNoResult(t, d)
	m.Dials[2].Result.Callback(newConn())
	deferredtest.SuccessResultOf(t, d)
	wantNoCalls(t, m)
}

func TestR383_R384_R385_AllFail(t *testing.T) {
	m, e := raceTest()
	d := e.Dial()
	first, last := errors.New("first"), errors.New("last")
	m.Dials[0].Result.Errback(first)
	m.Dials[1].Result.Errback(errTest)
	deferredtest.AssertNoResult(t, d)
	m.Dials[2].Result.Errback(last)
	err := deferredtest.FailureResultOf(t, d)
	for _, want := range []error{first, errTest, last} {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if err.Error() != "last" {
		t.Errorf("got %v", err)
	}
	wantNoCalls(t, m)

	m.Hosts["single.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.9")}
	d = endpoints.NewHostnameEndpoint(m, "single.example", 22, endpoints.HostnameOptions{}).Dial()
	m.Dials[3].Result.Errback(errTest)
	deferredtest.FailureResultOf(t, d, errTest) // R384: at once

	d = endpoints.NewHostnameEndpoint(m, "single.example", 22, endpoints.HostnameOptions{}).Dial()
	m.Dials[4].Result.Errback(deferred.ErrCancelled) // by whoever dials, not by us
	deferredtest.FailureResultOf(t, d, deferred.ErrCancelled)
}

func TestR386_NoAddresses(t *testing.T) {
	m, _ := raceTest()
	m.Hosts["none.example"] = nil
	for _, host := range []string{"none.example", "missing.example"} {
		err := deferredtest.FailureResultOf(t, endpoints.NewHostnameEndpoint(m, host, 22, endpoints.HostnameOptions{}).Dial())
		if e, ok := errors.AsType[*reactor.DNSLookupError](err); !ok || e.Host != host {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestR387_R388_Cancel(t *testing.T) {
	m, e := raceTest()
	check := func(d deferred.Deferred[reactor.Protocol]) {
		t.Helper()
		err := deferredtest.FailureResultOf(t, d)
		c, ok := errors.AsType[*reactor.ConnectingCancelledError](err)
		if !ok || c.Address != (reactor.HostnameAddress{Host: "host.example", Port: 22}) {
			t.Errorf("got %v", err)
		}
		wantNoCalls(t, m)
	}
	d := e.Connect(factoryFor(nil))
	m.Advance(300 * ms)
	d.Cancel()
	check(d)
	if !m.Dials[0].Cancelled || !m.Dials[1].Cancelled {
		t.Error("an attempt goes on")
	}

	lookup := deferred.New[[]netip.Addr]()
	m.ResolveFunc = func(string, string) deferred.Deferred[[]netip.Addr] { return lookup }
	d = e.Connect(factoryFor(nil))
	d.Cancel()
	check(d)
}

func TestR389_R390_Names(t *testing.T) {
	m, _ := raceTest()
	m.Hosts["xn--bcher-kva.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	e := endpoints.NewHostnameEndpoint(m, "bücher.example", 22, endpoints.HostnameOptions{})
	e.Dial()
	wantDials(t, m, "192.0.2.7:22")
	if s := e.String(); s != "<HostnameEndpoint xn--bcher-kva.example:22>" {
		t.Error(s)
	}
	if s := endpoints.NewHostnameEndpoint(m, "::1", 22, endpoints.HostnameOptions{}).String(); s != "<HostnameEndpoint [::1]:22>" {
		t.Error(s)
	}
	bad := endpoints.NewHostnameEndpoint(m, "\xff.example", 22, endpoints.HostnameOptions{})
	if err := deferredtest.FailureResultOf(t, bad.Connect(factoryFor(nil))); !strings.Contains(err.Error(), `"\xff.example"`) {
		t.Errorf("got %v", err)
	}
	if s := bad.String(); !strings.Contains(s, `\xff`) {
		t.Error(s)
	}
}

func TestR380_R391_Options(t *testing.T) {
	m, _ := raceTest()
	opts := endpoints.HostnameOptions{DialOptions: reactor.DialOptions{Timeout: 4 * second, BindAddress: "127.0.0.1:99"}, AttemptDelay: second}
	endpoints.NewHostnameEndpoint(m, "host.example", 22, opts).Dial()
	m.Advance(second - 1)
	if len(m.Dials) != 1 {
		t.Errorf("%d attempts", len(m.Dials))
	}
	m.Pump(1, second)
	for _, d := range m.Dials {
		if d.Options.Timeout != 4*second || d.Options.BindAddress != "127.0.0.1:99" {
			t.Errorf("%+v", d.Options)
		}
	}
	if len(m.Dials) != 3 {
		t.Errorf("%d attempts", len(m.Dials))
	}
}
