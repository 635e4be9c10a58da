package deferred_test

import "math/rand/v2"

// A program is a list of operations on Deferreds, locks and queues that this
// package and Twisted run alike. Everything is named by its index in the order
// of creation, so that a program says the same to both.
type program struct {
	Cancellers []string `json:"cancellers"` // one for each Deferred that exists at the start: none, noop, value, error, raise
	Ops        []op     `json:"ops"`
}

// op is one operation. Which fields count depends on its kind.
type op struct {
	Kind    string  `json:"kind"`
	D       int     `json:"d"`                 // the Deferred, lock or queue; for operations that make a Deferred, its index is the next free one
	Other   int     `json:"other,omitempty"`   // a second Deferred
	Value   int     `json:"value,omitempty"`   // a value, or the number of an error, or seconds
	Form    string  `json:"form,omitempty"`    // how an action is added: cb, eb, both, pair
	Action  *action `json:"action,omitempty"`  // what runs
	Errback *action `json:"errback,omitempty"` // the second of a pair
	Members []int   `json:"members,omitempty"` // of a list
	Flags   []bool  `json:"flags,omitempty"`   // of a list: fire on one callback, fire on one errback, consume errors
	Steps   []step  `json:"steps,omitempty"`   // of a coroutine
}

// action is a callback, errback or function: it notes its input, does some
// operations and returns.
type action struct {
	ID     int    `json:"id"`
	Ops    []op   `json:"ops,omitempty"`
	Return string `json:"return"` // pass, none, value, error, deferred
	Value  int    `json:"value,omitempty"`
}

// step is one wait of a coroutine and what follows it.
type step struct {
	action
	Await int  `json:"await"`
	Raise bool `json:"raise,omitempty"` // end with the failure that was awaited, if it is one
}

// generator makes random programs.
type generator struct {
	*rand.Rand
	deferreds int
	ids       int
}

const (
	locks      = 3 // the last is a semaphore with two tokens
	queues     = 2 // the second stores one object and lets one wait
	smallDelay = 4
)

// The themes of programs: what is mixed with the simple operations.
const (
	lists = iota + 1
	coroutines
	timeouts
	limits
	themes
)

func generate(seed uint64) program {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	g.deferreds = 2 + g.IntN(4)
	p := program{Cancellers: make([]string, g.deferreds)}
	theme := g.IntN(themes)
	cancellers := []string{"none", "none", "none", "noop", "value", "error", "raise"}
	if theme == coroutines {
		cancellers = cancellers[:6]
	}
	for i := range p.Cancellers {
		p.Cancellers[i] = g.pick(cancellers...)
	}
	for range 4 + g.IntN(14) {
		p.Ops = append(p.Ops, g.top(theme))
	}
	return p
}

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }
func (g *generator) any() int                 { return g.IntN(g.deferreds) }
func (g *generator) made() int                { g.deferreds++; return g.deferreds - 1 }

// top makes an operation for the top level of a program, where also those may
// stand that make Deferreds.
func (g *generator) top(theme int) op {
	if g.IntN(3) > 0 {
		return g.simple(2)
	}
	switch theme {
	case lists:
		return g.list()
	case coroutines:
		return g.coroutine()
	case timeouts:
		return g.timed()
	case limits:
		return g.limited()
	}
	return g.simple(2)
}

// simple makes an operation that may stand anywhere. Its action may have
// operations of its own up to the given depth.
func (g *generator) simple(depth int) op {
	d := g.any()
	switch g.IntN(19) {
	case 0, 1, 2:
		return op{Kind: "callback", D: d, Value: g.IntN(100)}
	case 3:
		return op{Kind: "errback", D: d, Value: g.IntN(100)}
	case 4, 5:
		return op{Kind: "cancel", D: d}
	case 6:
		return op{Kind: "pause", D: d}
	case 7:
		return op{Kind: "unpause", D: d}
	case 8:
		return op{Kind: "chain", D: d, Other: g.any()}
	}
	o := op{Kind: "add", D: d, Form: g.pick("cb", "cb", "eb", "both", "both", "pair"), Action: g.action(depth)}
	if o.Form == "pair" && g.IntN(3) > 0 {
		o.Errback = g.action(depth)
	}
	return o
}

func (g *generator) action(depth int) *action {
	g.ids++
	a := &action{ID: g.ids, Return: g.pick("pass", "none", "value", "value", "error", "deferred", "deferred", "deferred")}
	switch a.Return {
	case "deferred":
		a.Value = g.any()
	case "value", "error":
		a.Value = g.IntN(100)
	}
	if depth > 0 && g.IntN(3) == 0 {
		for range 1 + g.IntN(2) {
			a.Ops = append(a.Ops, g.simple(depth-1))
		}
	}
	return a
}

func (g *generator) list() op {
	o := op{Kind: g.pick("list", "list", "gather"), Flags: []bool{g.IntN(3) == 0, g.IntN(3) == 0, g.IntN(2) == 0}}
	for range g.IntN(4) {
		o.Members = append(o.Members, g.any())
	}
	o.D = g.made()
	return o
}

func (g *generator) coroutine() op {
	o := op{Kind: "coroutine"}
	for range 1 + g.IntN(3) {
		o.Steps = append(o.Steps, step{action: *g.action(1), Await: g.any(), Raise: g.IntN(2) == 0})
	}
	o.Action = &action{Return: g.pick("none", "value", "error"), Value: g.IntN(100)}
	o.D = g.made()
	return o
}

func (g *generator) timed() op {
	switch g.IntN(4) {
	case 0, 1:
		return op{Kind: "timeout", D: g.any(), Value: g.IntN(smallDelay)}
	case 2:
		a := g.action(0)
		if a.Return == "deferred" {
			a.Return = "pass"
		}
		return op{Kind: "timeout", D: g.any(), Value: g.IntN(smallDelay), Action: a}
	}
	return op{Kind: "advance", Value: 1 + g.IntN(2)}
}

func (g *generator) limited() op {
	lock, queue := g.IntN(locks), g.IntN(queues)
	switch g.IntN(8) {
	case 0, 1:
		o := op{Kind: "acquire", Other: lock}
		o.D = g.made()
		return o
	case 2, 3:
		return op{Kind: "release", Other: lock}
	case 4:
		o := op{Kind: "run", Other: lock, Action: g.action(1)}
		o.D = g.made()
		return o
	case 5, 6:
		return op{Kind: "put", Other: queue, Value: g.IntN(100)}
	}
	o := op{Kind: "get", Other: queue}
	o.D = g.made()
	return o
}
