package server

import (
	"container/heap"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Penalties refuses the connections of sources whose connections have ended
// without a login. Each such end adds a time to the penalty of the source. A
// penalty that has reached Min refuses new connections until it is over;
// connections in progress go on. The times are those of PerSourcePenalties of
// sshd_config. A zero time means the default, a negative one none.
//
// A server behind a proxy sees all clients at the address of the proxy: set Off
// there, or add the proxy to Exempt.
type Penalties struct {
	Off bool

	Crash       time.Duration // the handshake has panicked: 90 s
	AuthFail    time.Duration // an attempt has failed: 5 s
	InvalidUser time.Duration // a user was unknown: 5 s
	NoAuth      time.Duration // the client has attempted nothing: 1 s
	Grace       time.Duration // LoginGraceTime was over: 10 s
	Refused     time.Duration // a hook has failed with ErrRefuseConnection: 10 s

	Max time.Duration // the longest penalty: 10 minutes
	Min time.Duration // the shortest penalty that refuses: 15 s

	// MaxSources4 and MaxSources6 are the number of sources that have a
	// penalty. 0 means 65,536. If there are more, the penalty that is over first
	// is dropped, or with DenyAll each new connection is refused.
	MaxSources4, MaxSources6 int
	DenyAll                  bool

	// Exempt has the networks without penalties. nil means this machine:
	// 127.0.0.0/8 and ::1/128.
	Exempt []netip.Prefix
}

var thisMachine = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// exempts reports whether a source has no penalties.
func (p *Penalties) exempts(source netip.Prefix) bool {
	exempt := p.Exempt
	if exempt == nil {
		exempt = thisMachine
	}
	return p.Off || slices.ContainsFunc(exempt, func(n netip.Prefix) bool {
		return n.Bits() <= source.Bits() && n.Contains(source.Addr())
	})
}

// of returns the penalty for a connection that has ended without a login.
func (p *Penalties) of(o outcome, reason error) time.Duration {
	switch {
	case errors.Is(reason, ErrRefuseConnection):
		return orTime(p.Refused, 10*time.Second)
	case o.crashed:
		return orTime(p.Crash, 90*time.Second)
	case o.late:
		return orTime(p.Grace, 10*time.Second)
	case o.unknownUser:
		return orTime(p.InvalidUser, 5*time.Second)
	case o.attempted:
		return orTime(p.AuthFail, 5*time.Second)
	default:
		return orTime(p.NoAuth, time.Second)
	}
}

func orTime(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return max(d, 0)
}

func (p *Penalties) maxSources(is4 bool) int {
	n := p.MaxSources6
	if is4 {
		n = p.MaxSources4
	}
	if n == 0 {
		n = 65536
	}
	return n
}

// penalties are the penalties of IPv4 and of IPv6 sources.
type penalties struct{ v4, v6 penaltyTable }

func (p *penalties) table(source netip.Prefix) *penaltyTable {
	if source.Addr().Is4() {
		return &p.v4
	}
	return &p.v6
}

// refuses reports whether new connections of a source are refused.
func (p *penalties) refuses(rules *Penalties, source netip.Prefix, now time.Time) bool {
	if rules.exempts(source) {
		return false
	}
	table := p.table(source)
	table.expire(now)
	if rules.DenyAll && len(table.order) >= rules.maxSources(source.Addr().Is4()) {
		return true
	}
	entry := table.sources[source]
	return entry != nil && entry.active
}

// add adds to the penalty of a source.
func (p *penalties) add(rules *Penalties, source netip.Prefix, d time.Duration, now time.Time) {
	if d <= 0 || rules.exempts(source) {
		return
	}
	table := p.table(source)
	table.expire(now)
	entry := table.sources[source]
	if entry == nil {
		if len(table.order) >= rules.maxSources(source.Addr().Is4()) {
			if rules.DenyAll {
				return
			}
			table.remove()
		}
		entry = table.insert(source, now)
	}
	entry.until = entry.until.Add(d)
	if longest := now.Add(orTime(rules.Max, 10*time.Minute)); entry.until.After(longest) {
		entry.until = longest
	}
	if entry.until.Sub(now) >= orTime(rules.Min, 15*time.Second) {
		entry.active = true
	}
	heap.Fix(&table.order, entry.index)
}

// penalty is the penalty of a source.
type penalty struct {
	source netip.Prefix
	until  time.Time
	active bool // it has been long enough to refuse connections
	index  int  // in the heap
}

// penaltyTable has penalties by source, and in the order of their ends.
type penaltyTable struct {
	sources map[netip.Prefix]*penalty
	order   byEnd
}

func (t *penaltyTable) insert(source netip.Prefix, now time.Time) *penalty {
	if t.sources == nil {
		t.sources = make(map[netip.Prefix]*penalty)
	}
	entry := &penalty{source: source, until: now}
	t.sources[source] = entry
	heap.Push(&t.order, entry)
	return entry
}

// remove removes the penalty that is over first.
func (t *penaltyTable) remove() {
	if entry, ok := heap.Pop(&t.order).(*penalty); ok {
		delete(t.sources, entry.source)
	}
}

// expire removes the penalties that are over.
func (t *penaltyTable) expire(now time.Time) {
	for len(t.order) > 0 && !t.order[0].until.After(now) {
		t.remove()
	}
}

// byEnd is a heap.
type byEnd []*penalty

func (h byEnd) Len() int           { return len(h) }
func (h byEnd) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h byEnd) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *byEnd) Push(x any) {
	entry := x.(*penalty)
	entry.index = len(*h)
	*h = append(*h, entry)
}

// Pop implements heap.Interface.
func (h *byEnd) Pop() any {
	last := len(*h) - 1
	entry := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return entry
}
