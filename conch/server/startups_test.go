package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestV_LIMITS_2_Drops: the decision of MaxStartups at each number of
// connections, for each random number.
func TestV_LIMITS_2_Drops(t *testing.T) {
	for _, tt := range []struct {
		limit MaxStartups
		want  map[int]int // connections → percent dropped
	}{
		{MaxStartups{}, map[int]int{0: 0, 9: 0, 10: 30, 11: 30, 12: 31, 55: 65, 99: 99, 100: 100, 1000: 100}},
		{MaxStartups{3, 50, 6}, map[int]int{2: 0, 3: 50, 4: 66, 5: 83, 6: 100, 7: 100}},
		{MaxStartups{3, 100, 6}, map[int]int{2: 0, 3: 100, 5: 100}},
		{LimitStartups(5), map[int]int{4: 0, 5: 100, 6: 100}},
		{MaxStartups{1, 1, 1}, map[int]int{0: 0, 1: 100}},
	} {
		for n, want := range tt.want {
			dropped := 0
			for number := range 100 {
				s := startups{n: n}
				if s.drops(tt.limit.orDefault(), func(below int) int { return number % below }) {
					dropped++
				}
			}
			if dropped != want {
				t.Errorf("%v with %d connections: %d percent, want %d", tt.limit, n, dropped, want)
			}
		}
	}
	for _, m := range []MaxStartups{{0, 30, 100}, {1, 0, 2}, {1, 101, 2}, {3, 30, 2}, {-1, 30, 100}} {
		if m.check() == nil {
			t.Errorf("%v is valid", m)
		}
	}
}

// TestV_LIMITS_4_LogOfDrops: the beginning and the end of the state are logged.
func TestV_LIMITS_4_LogOfDrops(t *testing.T) {
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&text, nil))
	s := startups{}
	limit := LimitStartups(3)
	source := netip.MustParsePrefix("192.0.2.1/32")
	for range 3 {
		s.add(source)
	}
	for range 500 {
		s.dropped(logger)
	}
	s.remove(source)
	s.kept(logger, limit) // still near the limit
	s.remove(source)
	s.kept(logger, limit)
	s.kept(logger, limit)
	if lines := strings.Count(text.String(), "\n"); lines != 2 || !strings.Contains(text.String(), "dropped=500") {
		t.Errorf("%d lines: %s", lines, &text)
	}
	s.remove(source)
	if s.n != 0 || len(s.sources) != 0 {
		t.Errorf("left: %+v", s)
	}
}

// TestV_LIMITS_5_Sources: what makes a source.
func TestV_LIMITS_5_Sources(t *testing.T) {
	for _, tt := range []struct {
		f    *SSHFactory
		addr net.Addr
		want string
	}{
		{&SSHFactory{}, &net.TCPAddr{IP: net.ParseIP("192.0.2.77")}, "192.0.2.77/32 true"},
		{&SSHFactory{SourcePrefix4: 24}, &net.TCPAddr{IP: net.ParseIP("192.0.2.77")}, "192.0.2.0/24 true"},
		{&SSHFactory{SourcePrefix4: 24}, &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.77")}, "192.0.2.0/24 true"},
		{&SSHFactory{}, &net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, "2001:db8::1/128 true"},
		{&SSHFactory{SourcePrefix6: 64}, &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Zone: "eth0"}, "2001:db8::/64 true"},
		{&SSHFactory{}, &net.UnixAddr{Name: "/run/x"}, "invalid Prefix false"},
		{&SSHFactory{}, nil, "invalid Prefix false"},
		{&SSHFactory{}, &net.TCPAddr{}, "invalid Prefix false"},
	} {
		source, isIP := tt.f.sourceOf(tt.addr)
		if got := fmt.Sprint(source, isIP); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.addr, got, tt.want)
		}
	}
}

// at returns a time that is some seconds after the start of the test.
func at(seconds int) time.Time { return time.Unix(1000, 0).Add(time.Duration(seconds) * time.Second) }

// TestV_LIMITS_6_Penalties: penalties add up, bite from 15 seconds on, and end.
func TestV_LIMITS_6_Penalties(t *testing.T) {
	var p penalties
	rules := &Penalties{}
	bad, good := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	v6 := netip.MustParsePrefix("2001:db8::1/128")
	for i := range 3 {
		if p.refuses(rules, bad, at(0)) {
			t.Errorf("refused after %d failures", i)
		}
		p.add(rules, bad, 5*time.Second, at(0))
	}
	for second, want := range map[int]bool{0: true, 1: true, 14: true} {
		if p.refuses(rules, bad, at(second)) != want || p.refuses(rules, good, at(second)) || p.refuses(rules, v6, at(second)) {
			t.Errorf("after %d seconds", second)
		}
	}
	if p.refuses(rules, bad, at(15)) {
		t.Error("refused after the end")
	}
	if len(p.v4.sources)+len(p.v4.order) != 0 {
		t.Errorf("left: %+v", p.v4)
	}
	p.add(rules, bad, 5*time.Second, at(15)) // begins again
	if p.refuses(rules, bad, at(15)) {
		t.Error("refused after one more failure")
	}
	for range 200 {
		p.add(rules, v6, 90*time.Second, at(20))
	}
	if !p.refuses(rules, v6, at(20+599)) || p.refuses(rules, v6, at(20+600)) {
		t.Error("the longest penalty is not 10 minutes")
	}
	for name, off := range map[string]*Penalties{"off": {Off: true}, "exempt": {Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}} {
		var p penalties
		p.add(off, bad, time.Hour, at(0))
		if p.refuses(off, bad, at(0)) || len(p.v4.order) > 0 {
			t.Error(name)
		}
	}
	for _, local := range []string{"127.0.0.1/32", "127.8.8.8/32", "::1/128"} {
		var p penalties
		if source := netip.MustParsePrefix(local); !rules.exempts(source) {
			t.Errorf("%s has penalties", local)
		} else if p.add(&Penalties{Exempt: []netip.Prefix{}}, source, time.Hour, at(0)); !p.refuses(&Penalties{Exempt: []netip.Prefix{}}, source, at(1)) {
			t.Errorf("%s has no penalty although nobody is exempt", local)
		}
	}
	if rules.exempts(netip.MustParsePrefix("0.0.0.0/0")) {
		t.Error("a source that is larger than this machine is exempt")
	}
}

// TestV_LIMITS_6_Overflow: the number of sources is bounded.
func TestV_LIMITS_6_Overflow(t *testing.T) {
	source := func(i int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
	}
	var p penalties
	rules := &Penalties{}
	for i := range 70_000 {
		p.add(rules, source(i), time.Minute+time.Duration(i)*time.Millisecond, at(0))
	}
	if len(p.v4.sources) != 65536 || len(p.v4.order) != 65536 {
		t.Errorf("%d sources", len(p.v4.sources))
	}
	if p.refuses(rules, source(0), at(0)) || !p.refuses(rules, source(69_999), at(0)) || !p.refuses(rules, source(70_000-65536), at(0)) {
		t.Error("the penalty that is over first was not dropped")
	}
	var all penalties
	deny := &Penalties{MaxSources4: 3, MaxSources6: 3, DenyAll: true}
	for i := range 5 {
		all.add(deny, source(i), time.Minute, at(0))
	}
	if len(all.v4.order) != 3 || !all.refuses(deny, source(100), at(1)) || all.refuses(deny, netip.MustParsePrefix("2001:db8::1/128"), at(1)) {
		t.Errorf("%d sources", len(all.v4.order))
	}
	if all.refuses(deny, source(100), at(60)) {
		t.Error("refused when the penalties are over")
	}
}

// TestV_LIMITS_6_Kinds: the penalty of each end of a connection.
func TestV_LIMITS_6_Kinds(t *testing.T) {
	for _, tt := range []struct {
		o      outcome
		reason error
		want   time.Duration
	}{
		{outcome{}, nil, time.Second},
		{outcome{attempted: true}, nil, 5 * time.Second},
		{outcome{attempted: true, unknownUser: true}, nil, 5 * time.Second},
		{outcome{attempted: true, late: true}, ErrLoginGrace, 10 * time.Second},
		{outcome{crashed: true}, nil, 90 * time.Second},
		{outcome{attempted: true}, fmt.Errorf("x: %w", ErrRefuseConnection), 10 * time.Second},
	} {
		if got := new(Penalties).of(tt.o, tt.reason); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	own := &Penalties{NoAuth: -1, AuthFail: time.Minute}
	if own.of(outcome{}, nil) != 0 || own.of(outcome{attempted: true}, nil) != time.Minute {
		t.Error("own times")
	}
}

// TestV_AUTH_7_Pause: a refused attempt takes the same time for a user, doubled
// until it exceeds the time that was needed.
func TestV_AUTH_7_Pause(t *testing.T) {
	f, other := &SSHFactory{}, &SSHFactory{}
	different := 0
	for i := range 50 {
		user := fmt.Sprint("user", i)
		base := f.pause(user, 0)
		if base < 5*time.Millisecond || base > 9300*time.Microsecond || base != f.pause(user, 0) {
			t.Errorf("%s: %v", user, base)
		}
		if base != other.pause(user, 0) {
			different++
		}
		for taken := time.Microsecond; taken <= 5*time.Second; taken *= 3 {
			total := taken + f.pause(user, taken)
			if n := total / base; total < taken || total%base != 0 || n&(n-1) != 0 || total > base && total/2 >= taken {
				t.Errorf("%s: %v become %v", user, taken, total)
			}
		}
	}
	if different < 45 {
		t.Error("the time does not depend on a secret")
	}
	if f.pause("u", 6*time.Second) != 0 {
		t.Error("a slow refusal is delayed")
	}
}
