package keys

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

var errSexp = errors.New("not an S-expression of a key")

// parseSexp reads what sexp writes.
func parseSexp(text, kind string) (algorithm string, numbers map[string]*big.Int, err error) {
	s := &sexpReader{rest: text, numbers: make(map[string]*big.Int)}
	s.expect("(" + atom(kind) + "(")
	algorithm = s.atom()
	for strings.HasPrefix(s.rest, "(") {
		s.number()
	}
	s.expect("))")
	if s.rest != "" {
		s.fail()
	}
	return algorithm, s.numbers, s.err
}

// sexpReader walks over an S-expression. Its error is sticky.
type sexpReader struct {
	rest    string
	numbers map[string]*big.Int
	err     error
}

func (s *sexpReader) fail() { s.rest, s.err = "", errSexp }

func (s *sexpReader) expect(text string) {
	rest, ok := strings.CutPrefix(s.rest, text)
	if !ok {
		s.fail()
		return
	}
	s.rest = rest
}

// atom reads a string that has its length in front, in decimal.
func (s *sexpReader) atom() string {
	digits, rest, ok := strings.Cut(s.rest, ":")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil || int(n) > len(rest) {
		s.fail()
		return ""
	}
	s.rest = rest[n:]
	return rest[:n]
}

// number reads (name value).
func (s *sexpReader) number() {
	s.expect("(")
	name := s.atom()
	s.numbers[name] = new(big.Int).SetBytes([]byte(s.atom()))
	s.expect(")")
}
