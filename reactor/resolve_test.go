package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// fakeResolver is a resolver that asks a function.
type fakeResolver func(network, host string) ([]string, error)

func (f fakeResolver) LookupNetIP(_ context.Context, network, host string) (addrs []netip.Addr, err error) {
	texts, err := f(network, host)
	for _, s := range texts {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, err
}

// stuckResolver answers only when it is told to give up.
type stuckResolver struct{ asked chan none }

func (r stuckResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	close(r.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

func addressTexts(d deferred.Deferred[[]netip.Addr]) deferred.Deferred[[]string] {
	return deferred.Then(d, func(addrs []netip.Addr) (texts []string, _ error) {
		for _, a := range addrs {
			texts = append(texts, a.String())
		}
		return texts, nil
	})
}

func TestR114_R119_LookupTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		r.InstallResolver(stuckResolver{make(chan none)})
		began := r.Now()
		r.Resolve("ip", "example.org").AddBoth(func(_ []netip.Addr, err error) ([]netip.Addr, error) {
			wantErr(t, err, reactor.ErrUnknownHost)
			wantErr(t, err, context.DeadlineExceeded)
			if d := r.Now().Sub(began); d != reactor.DefaultResolveTimeout {
				t.Errorf("after %v", d)
			}
			r.CallFromThread(func() {
				if calls := r.GetDelayedCalls(); len(calls) > 0 {
					t.Errorf("left: %v", calls)
				}
				mustStop(t, r)
			})
			return nil, nil
		})
	})
}

func TestCancelOfALookup(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		stuck := stuckResolver{make(chan none)}
		r.InstallResolver(stuck)
		d := r.Resolve("ip", "example.org")
		d.AddErrback(func(err error) ([]netip.Addr, error) {
			wantErr(t, err, deferred.ErrCancelled)
			return nil, nil
		})
		_ = r.CallInThread(func() {
			<-stuck.asked
			r.CallFromThread(func() {
				d.Cancel()
				if calls := r.GetDelayedCalls(); len(calls) > 0 || !d.Called() {
					t.Errorf("left: %v; called %v", calls, d.Called())
				}
				mustStop(t, r)
			})
		})
	})
}

// resolution notes what a HostResolution is told.
type resolution struct{ notes }

func (n *resolution) ResolutionBegan(host string)         { n.add("began " + host) }
func (n *resolution) AddressResolved(a reactor.IPAddress) { n.add(a.String()) }
func (n *resolution) ResolutionComplete()                 { n.add("complete") }

func TestR115_R116_ResolveHostName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *reactor.Reactor) {
		r.InstallResolver(fakeResolver(func(network, host string) ([]string, error) {
			if host == "bad.example" {
				return nil, errTest
			}
			return []string{"192.0.2.2", "2001:db8::1"}, nil
		}))
		var n resolution
		good := r.ResolveHostName(&n, "ip", "good.example", 80)
		n.want(t, "began good.example")
		deferred.ThenDeferred(good, func(none) deferred.Deferred[none] {
			n.want(t, "began good.example", "192.0.2.2:80", "[2001:db8::1]:80", "complete")
			n.notes = nil
			return r.ResolveHostName(&n, "ip", "bad.example", 80)
		}).AddBoth(func(none, error) (v none, _ error) {
			n.want(t, "began bad.example", "complete")
			mustStop(t, r)
			return v, nil
		})
	})
}

func TestR116_CancelOfResolveHostName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReactor(t)
		var n resolution
		r.CallWhenRunning(func() {
			r.InstallResolver(stuckResolver{make(chan none)})
			d := r.ResolveHostName(&n, "ip", "example.org", 1)
			d.Cancel()
			d.AddErrback(func(err error) (v none, _ error) {
				wantErr(t, err, deferred.ErrCancelled)
				return v, r.Stop()
			})
		})
		mustRun(t, r)
		n.want(t, "began example.org")
	})
}

func TestR118_R389_ToASCII(t *testing.T) {
	// The encodings are those of RFC 3492, section 7.1, and of well-known
	// names.
	for _, row := range []struct{ name, want string }{
		{"example.org", "example.org"},
		{"Example.ORG", "Example.ORG"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"münchen", "xn--mnchen-3ya"},
		{"他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"},
		{"почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"},
		{"bu\u0308cher.example.", "xn--bcher-kva.example."}, // composed, and fully qualified
		{"my_host.example", "my_host.example"},              // not a name that the DNS gives out, but one that systems know
		{"", ""},
		{".", "."},
	} {
		if got, err := reactor.ToASCII(row.name); got != row.want || err != nil {
			t.Errorf("%s: got %s, %v", row.name, got, err)
		}
	}
	for _, bad := range []string{"\xff", strings.Repeat("ü", 60), "ü..example", "a\u200bb ü.example", strings.Repeat("ü.", 200)} {
		if got, err := reactor.ToASCII(bad); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%+q", bad)) {
			t.Errorf("%q: got %s, %v", bad, got, err)
		}
	}
}

func FuzzToASCII(f *testing.F) {
	for _, s := range []string{"bücher.example", "a.b", "\xff", "他们", "-ü-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := reactor.ToASCII(s)
		if err != nil {
			return
		}
		for i := range len(got) {
			if got[i] >= 0x80 {
				t.Fatalf("%q became %q", s, got)
			}
		}
	})
}

func TestLookupTimeoutIsNoCancellation(t *testing.T) {
	if errors.Is(&reactor.DNSLookupError{Host: "h", Err: context.DeadlineExceeded}, deferred.ErrCancelled) {
		t.Error("a timeout looks like a cancellation")
	}
	if d := reactor.DefaultResolveTimeout; d != 60*time.Second {
		t.Error(d)
	}
}
