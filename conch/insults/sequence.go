package insults

// Control characters.
const (
	bel = 0x07
	can = 0x18
	sub = 0x1a
	esc = 0x1b
	del = 0x7f
)

// MaxSequence is the largest number of parameter bytes of a control sequence.
// The beginning of a longer sequence is reported as unhandled. The rest is
// dropped.
const MaxSequence = 256

// class is the role of a byte within a control sequence (ECMA-48, section 5.4).
type class int

const (
	classParameter class = iota // a parameter or intermediate byte
	classFinal
	classEscape  // begins another sequence
	classAbort   // ends the sequence without effect
	classControl // acts as if it stood before the sequence
	classForeign // no part of a sequence
)

func classify(r rune) class {
	switch {
	case r == esc:
		return classEscape
	case r == can || r == sub:
		return classAbort
	case r < 0x20 || r == del:
		return classControl
	case r < 0x40:
		return classParameter
	case r < del:
		return classFinal
	}
	return classForeign
}

// maxParameter is the largest value of a parameter. Larger ones are reduced to
// it.
const maxParameter = 1 << 16

// parseParameters returns the numbers between the semicolons of p. An absent
// number is -1. ok is false if p has anything but digits and semicolons.
func parseParameters(p []byte) (numbers []int, ok bool) {
	n := -1
	for _, b := range p {
		switch {
		case b == ';':
			numbers, n = append(numbers, n), -1
		case '0' <= b && b <= '9':
			n = min(max(n, 0)*10+int(b-'0'), maxParameter)
		default:
			return nil, false
		}
	}
	return append(numbers, n), true
}
