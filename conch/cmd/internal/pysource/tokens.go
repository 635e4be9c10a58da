package pysource

import "strings"

const keywordList = " False None True and as assert async await break class continue def del elif else except finally for from global if import in" +
	" is lambda nonlocal not or pass raise return try while with yield "

// keywords are the words that are no names. Async and await are names in old
// programs, which does no harm.
var keywords = func() map[string]bool {
	words := make(map[string]bool)
	for _, word := range strings.Fields(keywordList) {
		words[word] = true
	}
	return words
}()

func isKeyword(t token) bool { return t.kind == kindName && keywords[t.text] }

// isOperand reports whether an expression may end with t.
func isOperand(t token) bool {
	return t.kind == kindName && !isKeyword(t) || t.kind == kindString || t.oneOf(")", "]", "}")
}

func opens(t token) bool { return t.kind == kindOp && t.oneOf("(", "[", "{") }

func closes(t token) bool { return t.kind == kindOp && t.oneOf(")", "]", "}") }

// closeOf returns the index of the bracket that closes the one at open, or the
// number of tokens.
func closeOf(ts []token, open int) int {
	depth := 0
	for i := open; i < len(ts); i++ {
		if opens(ts[i]) {
			depth++
		} else if closes(ts[i]) {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(ts)
}

// index returns the index of the first of texts from start on that stands in no
// bracket, or the number of tokens.
func index(ts []token, start int, texts ...string) int {
	depth := 0
	for i := start; i < len(ts); i++ {
		if depth == 0 && ts[i].oneOf(texts...) {
			return i
		}
		if opens(ts[i]) {
			depth++
		} else if closes(ts[i]) && depth > 0 {
			depth--
		}
	}
	return len(ts)
}

// slice returns the tokens from one index up to another one, which may lie
// outside.
func slice(ts []token, from, to int) []token {
	from = min(from, len(ts))
	return ts[from:max(from, min(to, len(ts)))]
}

// indexAny returns the index of the first text, also in brackets, or the number
// of tokens.
func indexAny(ts []token, text string) int {
	for i, t := range ts {
		if t.is(text) {
			return i
		}
	}
	return len(ts)
}

// targetEnd returns the index behind the target that begins at start: of a
// comma or a closing bracket.
func targetEnd(ts []token, start int) int {
	for i := start; i < len(ts); i++ {
		switch {
		case opens(ts[i]):
			i = closeOf(ts, i)
		case closes(ts[i]) || ts[i].is(","):
			return i
		}
	}
	return len(ts)
}

// headerEnd returns the index of the colon that ends a header, or the number of
// tokens. Colons in brackets and those of lambdas do not.
func headerEnd(ts []token) int { return next(ts, ":") }

// next returns the index of the first separator that stands neither in brackets
// nor between a lambda and its colon, or the number of tokens.
func next(ts []token, separator string) int {
	depth, lambdas := 0, 0
	for i, t := range ts {
		switch {
		case opens(t):
			depth++
		case closes(t):
			depth--
		case depth > 0:
		case t.is("lambda"):
			if lambdas++; lambdas > maxLambdas {
				return len(ts)
			}
		case t.is(":") && lambdas > 0:
			lambdas--
		case t.is(separator) && lambdas == 0:
			return i
		}
	}
	return len(ts)
}

// split splits at the separators that next finds. It returns at least one part.
func split(ts []token, separator string) [][]token {
	var parts [][]token
	for {
		end := next(ts, separator)
		parts = append(parts, ts[:end])
		if end == len(ts) {
			return parts
		}
		ts = ts[end+1:]
	}
}

// chain returns the dotted name that begins at start, and the index behind it.
// The names are nil if none begins there. The begin of the name may stand in
// brackets: (a.b).c.
func chain(ts []token, start int) ([]string, int) {
	if start >= len(ts) {
		return nil, start
	}
	names, i := []string{ts[start].text}, start+1
	if ts[start].is("(") {
		names, i = chain(ts, start+1)
		if names == nil || i >= len(ts) || !ts[i].is(")") {
			return nil, start
		}
		i++
	} else if ts[start].kind != kindName || isKeyword(ts[start]) {
		return nil, start
	}
	for i+1 < len(ts) && ts[i].is(".") && ts[i+1].kind == kindName {
		names = append(names, ts[i+1].text)
		i += 2
	}
	return names, i
}
