package keys

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
)

// The names of the algorithms in the S-expressions of LSH.
const (
	lshRSAPrivate = "rsa-pkcs1"
	lshRSAPublic  = "rsa-pkcs1-sha1"
	lshDSA        = "dsa"
)

// lshNumber is a number with its name, which is one letter.
type lshNumber struct {
	name  string
	value *big.Int
}

// lsh writes the S-expression of LSH: the public ones in base64 in braces.
func (k *Key) lsh() ([]byte, error) {
	algorithm, numbers := k.lshNumbers()
	if algorithm == "" {
		return nil, badKeyf("%w: %s in the format of LSH", ErrUnsupported, k.Type())
	}
	if k.IsPublic() {
		text := sexp("public-key", algorithm, numbers)
		return []byte("{" + base64.StdEncoding.EncodeToString([]byte(text)) + "}"), nil
	}
	if err := k.mustBeOpen(); err != nil {
		return nil, err
	}
	return []byte(sexp("private-key", algorithm, numbers)), nil
}

func (k *Key) lshNumbers() (algorithm string, numbers []lshNumber) {
	switch c := k.Data().(type) {
	case RSAComponents:
		numbers = []lshNumber{{"n", c.N}, {"e", c.E}}
		if c.D == nil {
			return lshRSAPublic, numbers
		}
		// What LSH calls p is our Q, and the other way round.
		return lshRSAPrivate, append(numbers, lshNumber{"d", c.D}, lshNumber{"p", c.Q}, lshNumber{"q", c.P},
			lshNumber{"a", exponent(c.D, c.Q)}, lshNumber{"b", exponent(c.D, c.P)}, lshNumber{"c", new(big.Int).ModInverse(c.Q, c.P)})
	case DSAComponents:
		numbers = []lshNumber{{"p", c.P}, {"q", c.Q}, {"g", c.G}, {"y", c.Y}}
		if c.X != nil {
			numbers = append(numbers, lshNumber{"x", c.X})
		}
		return lshDSA, numbers
	default:
		return "", nil
	}
}

// exponent returns d modulo one less than the prime.
func exponent(d, prime *big.Int) *big.Int {
	less := new(big.Int).Sub(prime, big.NewInt(1))
	return less.Mod(d, less)
}

// sexp writes (kind(algorithm(name value)…)), every string with its length in front.
func sexp(kind, algorithm string, numbers []lshNumber) string {
	var b strings.Builder
	b.WriteString("(" + atom(kind) + "(" + atom(algorithm))
	for _, n := range numbers {
		b.WriteString("(" + atom(n.name) + atom(string(signed(n.value))) + ")")
	}
	b.WriteString("))")
	return b.String()
}

func atom(s string) string { return strconv.Itoa(len(s)) + ":" + s }

// signed returns the bytes of a positive number, the first bit being 0.
func signed(n *big.Int) []byte { return n.FillBytes(make([]byte, n.BitLen()/8+1)) }

func parsePublicLSH(data []byte) (*Key, error) {
	text := strings.TrimSpace(string(data))
	inner, opened := strings.CutPrefix(text, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed {
		return nil, badKey(errSexp)
	}
	plain, err := base64.StdEncoding.DecodeString(inner)
	if err != nil {
		return nil, badKey(err)
	}
	algorithm, n, err := parseSexp(string(plain), "public-key")
	if err != nil {
		return nil, badKey(err)
	}
	switch algorithm {
	case lshRSAPublic:
		return FromComponents(RSAComponents{N: n["n"], E: n["e"]})
	case lshDSA:
		return FromComponents(DSAComponents{P: n["p"], Q: n["q"], G: n["g"], Y: n["y"]})
	default:
		return nil, badKeyf("%w: LSH's algorithm %.100q", ErrUnsupported, algorithm)
	}
}

func parsePrivateLSH(data []byte) (*Key, error) {
	algorithm, n, err := parseSexp(strings.TrimSpace(string(data)), "private-key")
	if err != nil {
		return nil, badKey(err)
	}
	switch {
	case algorithm == lshRSAPrivate && n["d"] != nil:
		return FromComponents(RSAComponents{N: n["n"], E: n["e"], D: n["d"], P: n["q"], Q: n["p"]})
	case algorithm == lshDSA && n["x"] != nil:
		return FromComponents(DSAComponents{P: n["p"], Q: n["q"], G: n["g"], Y: n["y"], X: n["x"]})
	default:
		return nil, badKeyf("%w: LSH's algorithm %.100q", ErrUnsupported, algorithm)
	}
}
