package conch

import "github.com/hawser-go/hawser/deferred"

// notice is something that happens once and that any number of parties wait for. The zero value has not happened. It belongs to the loop.
type notice struct {
	fired   bool
	err     error
	waiting []deferred.Deferred[struct{}]
}

// wait returns a new Deferred that fires when it happens; at once if it has happened.
func (n *notice) wait() deferred.Deferred[struct{}] {
	d := deferred.New[struct{}]()
	if n.fired {
		n.tell(d)
	} else {
		n.waiting = append(n.waiting, d)
	}
	return d
}

// fire makes it happen; only the first call counts.
func (n *notice) fire(err error) {
	if n.fired {
		return
	}
	n.fired, n.err = true, err
	waiting := n.waiting
	n.waiting = nil
	for _, d := range waiting {
		n.tell(d)
	}
}

func (n *notice) tell(d deferred.Deferred[struct{}]) {
	if n.err != nil {
		_ = d.TryErrback(n.err) // it may have been cancelled
	} else {
		_ = d.TryCallback(struct{}{}) // likewise
	}
}
