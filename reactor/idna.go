package reactor

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ToASCII returns the form of a host name that is asked for in the DNS: labels that are not ASCII are lower-cased and encoded as RFC 3492
// says, with the prefix of RFC 5890. Names are taken to be composed already (NFC). A label that is not UTF-8, or is too long, is an
// error that quotes it in escaped form (R389).
func ToASCII(host string) (string, error) {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if isASCII(label) {
			continue
		}
		if !utf8.ValidString(label) {
			return "", fmt.Errorf("reactor: host name %+q is not UTF-8", host)
		}
		encoded := "xn--" + punycode([]rune(strings.Map(unicode.ToLower, label)))
		if len(encoded) > maxLabel {
			return "", fmt.Errorf("reactor: host name %+q has a label of more than %d bytes", host, maxLabel)
		}
		labels[i] = encoded
	}
	return strings.Join(labels, "."), nil
}

// maxLabel is the length of a label, RFC 1035 section 2.3.4.
const maxLabel = 63

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// The parameters of RFC 3492 section 5.
const (
	punyBase        = 36
	punyTMin        = 1
	punyTMax        = 26
	punySkew        = 38
	punyDamp        = 700
	punyInitialBias = 72
	punyInitialN    = 128
)

// punycode encodes a label, RFC 3492 section 6.3.
func punycode(label []rune) string {
	var out strings.Builder
	for _, c := range label {
		if c < utf8.RuneSelf {
			out.WriteRune(c)
		}
	}
	basic := out.Len()
	if basic > 0 {
		out.WriteByte('-')
	}
	n, delta, bias := rune(punyInitialN), 0, punyInitialBias
	for done := basic; done < len(label); n, delta = n+1, delta+1 {
		next := smallestFrom(label, n)
		delta += int(next-n) * (done + 1)
		n = next
		for _, c := range label {
			if c < n {
				delta++
			}
			if c == n {
				writeDelta(&out, delta, bias)
				bias = adapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
	}
	return out.String()
}

func smallestFrom(label []rune, n rune) rune {
	least := rune(utf8.MaxRune)
	for _, c := range label {
		if c >= n {
			least = min(least, c)
		}
	}
	return least
}

// writeDelta writes a number in digits of variable base.
func writeDelta(out *strings.Builder, delta, bias int) {
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyTMin), punyTMax)
		if delta < t {
			out.WriteByte(punyDigit(delta))
			return
		}
		out.WriteByte(punyDigit(t + (delta-t)%(punyBase-t)))
		delta = (delta - t) / (punyBase - t)
	}
}

func punyDigit(d int) byte {
	if d < 26 {
		return byte('a' + d)
	}
	return byte('0' + d - 26)
}

// adapt is the bias adaptation, RFC 3492 section 6.1.
func adapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (punyBase-punyTMin)*punyTMax/2; k += punyBase {
		delta /= punyBase - punyTMin
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
