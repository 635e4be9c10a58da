package server

import "slices"

// sequences takes the sequences of AuthenticationMethods whose methods are
// offered.
func (a *authentication) sequences() error {
	offered := a.t.auth.Methods()
	all := a.t.factory.AuthenticationMethods
	for _, sequence := range all {
		if !slices.ContainsFunc(sequence, func(method string) bool { return !slices.Contains(offered, method) }) {
			a.left = append(a.left, sequence)
		}
	}
	if len(all) > 0 && len(a.left) == 0 {
		return errNoneLeft
	}
	return nil
}

// next returns the methods that may be next.
func (a *authentication) next() (methods []string) {
	if a.left == nil {
		return a.t.auth.Methods()
	}
	for _, sequence := range a.left {
		if !slices.Contains(methods, sequence[0]) {
			methods = append(methods, sequence[0])
		}
	}
	return methods
}

// strike removes a method from the front of the sequences that begin with it,
// and reports whether one of them is complete. Other sequences stay.
func strike(left [][]string, method string) (rest [][]string, complete bool) {
	if left == nil {
		return nil, true
	}
	for _, sequence := range left {
		if sequence[0] == method {
			sequence = sequence[1:]
		}
		if len(sequence) == 0 {
			return nil, true
		}
		rest = append(rest, sequence)
	}
	return rest, false
}
