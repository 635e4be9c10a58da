package pysource

import "fmt"

// kind is the kind of a token.
type kind uint8

const (
	kindEnd     kind = iota // the end of the text
	kindName                // a name or a keyword
	kindNumber              // a number
	kindString              // a string; it follows the expressions in it
	kindOp                  // an operator or a bracket
	kindNewline             // the end of a logical line
	kindIndent              // the begin of a block
	kindDedent              // the end of a block
)

// token is a token of Python. Strings and numbers have no text.
type token struct {
	kind kind
	text string
	line int // from 1 on
}

func (t token) is(text string) bool {
	return t.text == text && (t.kind == kindOp || t.kind == kindName)
}

func (t token) oneOf(texts ...string) bool {
	for _, text := range texts {
		if t.is(text) {
			return true
		}
	}
	return false
}

// Error reports a text that is no Python.
type Error struct {
	Line int // from 1 on
	Text string
}

// Error returns the line and the text.
func (e *Error) Error() string { return fmt.Sprintf("pysource: line %d: %s", e.Line, e.Text) }
