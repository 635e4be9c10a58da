package reactor

import (
	"bytes"
	"runtime"
)

// A coroutine is the body of an iter.Pull, and so is the body of a
// deferred.Inline. A coroutine has its own goroutine, but runs only while
// another goroutine, its resumer, waits in next or stop. A coroutine that the
// loop has resumed, directly or through other coroutines, is on the loop.

// answer is the answer to a question about a goroutine.
type answer uint8

const (
	no answer = iota
	yes
	unknown
)

// onGoroutine reports whether the caller runs on the goroutine id, or in a
// coroutine that this goroutine has resumed. onGoroutine calls all, which
// returns the traces of all goroutines, only if the caller is a coroutine.
func onGoroutine(id uint64, all func() traces) answer {
	if id == 0 {
		return no
	}
	own := goroutineID()
	if own == id {
		return yes
	}
	if !onCoroutine() {
		return no
	}
	return all().resumed(own, id)
}

// onCoroutine reports whether the caller runs in a coroutine. The first
// function of its goroutine is runtime.corostart then.
func onCoroutine() bool {
	var pcs [64]uintptr
	n := len(pcs)
	for skip := 0; n == len(pcs); skip += n {
		n = runtime.Callers(skip, pcs[:])
	}
	for _, pc := range pcs { // entries from n on are from an earlier round: callees on the same stack
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Name() == "runtime.corostart" {
			return true
		}
	}
	return false
}

// traces shows which goroutines run coroutines at one moment. Each running
// coroutine has one resumer. A trace does not say which one. Usually the
// goroutine that has created the coroutine also resumes the coroutine.
type traces struct {
	resumers map[uint64]bool   // goroutines that wait until a coroutine gives control back
	creators map[uint64]uint64 // the creator of each running coroutine
	claims   map[uint64]int    // the number of running coroutines by creator
}

// allTraces returns the traces of this moment. The program stops meanwhile, for
// a time that grows with the number of goroutines.
func allTraces() traces { return parseTraces(allStacks()) }

// parseTraces parses the output of runtime.Stack.
func parseTraces(all []byte) traces {
	t := traces{map[uint64]bool{}, map[uint64]uint64{}, map[uint64]int{}}
	for trace := range bytes.SplitSeq(all, []byte("\n\n")) {
		id, waits, suspended := parseHead(trace)
		if suspended {
			continue
		}
		if waits {
			t.resumers[id] = true
		}
		if at := bytes.LastIndex(trace, []byte("\ncreated by iter.Pull")); at >= 0 {
			_, creator, _ := bytes.Cut(trace[at:], []byte(" in goroutine "))
			t.creators[id] = leadingNumber(creator)
			t.claims[t.creators[id]]++
		}
	}
	return t
}

// parseHead parses the first two lines of a goroutine's trace. waits reports
// whether the goroutine waits for a coroutine; suspended, whether the goroutine
// is a coroutine that has yielded or has not started.
func parseHead(trace []byte) (id uint64, waits, suspended bool) {
	head, frames, _ := bytes.Cut(bytes.TrimPrefix(trace, []byte("goroutine ")), []byte("\n"))
	if !bytes.Contains(head, []byte(" [coroutine")) {
		return leadingNumber(head), false, false
	}
	top, _, _ := bytes.Cut(frames, []byte("\n"))
	yielded := bytes.HasPrefix(top, []byte("iter.Pull")) && bytes.Contains(top, []byte(".func1.1("))
	suspended = yielded || bytes.HasPrefix(top, []byte("runtime.corostart("))
	return leadingNumber(head), !suspended, suspended
}

// resumed reports whether the goroutine root has resumed the coroutine g,
// directly or through other coroutines.
func (t traces) resumed(g, root uint64) answer {
	switch {
	case len(t.creators) == 0:
		return unknown // no traces, or their form has changed
	case !t.resumers[root]:
		return no
	}
	for range len(t.creators) + 1 {
		r, ok := t.resumer(g)
		if !ok {
			return unknown
		}
		if r == root {
			return yes
		}
		if _, nested := t.creators[r]; !nested {
			return no
		}
		g = r
	}
	return unknown
}

// resumer returns the resumer of the coroutine g. ok is false if more than one
// goroutine may be the one.
func (t traces) resumer(g uint64) (resumer uint64, ok bool) {
	creator := t.creators[g]
	if t.resumers[creator] && t.claims[creator] == 1 {
		return creator, true
	}
	found := 0
	for r := range t.resumers {
		if r == creator || t.claims[r] == 0 {
			resumer = r
			found++
		}
	}
	return resumer, found == 1
}
