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

// inCoroutineOf reports whether the caller runs in a coroutine that the
// goroutine id has resumed, directly or through other coroutines. Only if the
// caller is a coroutine does inCoroutineOf call all, which returns the traces
// of all goroutines.
func inCoroutineOf(id uint64, all func() traces) answer {
	if id == 0 || !onCoroutine() {
		return no
	}
	return all().resumed(goroutineID(), id)
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
	return t.leads(g, root, make(map[uint64]answer))
}

// leads is resumed for a root that waits for a coroutine. known has the answers
// for the coroutines looked at before.
func (t traces) leads(g, root uint64, known map[uint64]answer) answer {
	if a, ok := known[g]; ok {
		return a
	}
	known[g] = unknown // in case of a circle
	var seen [unknown + 1]bool
	for _, r := range t.candidates(g) {
		_, nested := t.creators[r]
		switch {
		case r == root:
			seen[yes] = true
		case !nested:
			seen[no] = true
		default:
			seen[t.leads(r, root, known)] = true
		}
	}
	if seen[yes] != seen[no] && !seen[unknown] {
		known[g] = no
		if seen[yes] {
			known[g] = yes
		}
	}
	return known[g]
}

// candidates returns the goroutines that may be the resumer of the coroutine g:
// its creator, if that resumes a coroutine and has created no other one that
// runs. Otherwise also all resumers that have created no running coroutine.
func (t traces) candidates(g uint64) (found []uint64) {
	creator := t.creators[g]
	if t.resumers[creator] && t.claims[creator] == 1 {
		return []uint64{creator}
	}
	for r := range t.resumers {
		if r == creator || t.claims[r] == 0 {
			found = append(found, r)
		}
	}
	return found
}
