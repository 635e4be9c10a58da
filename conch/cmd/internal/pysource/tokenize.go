package pysource

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting is the number of brackets, of blocks and of f-strings that may be
// open at the same time. Python allows 200 brackets and 100 blocks.
const maxNesting = 200

// tokenizer splits a text into tokens.
type tokenizer struct {
	text    string
	at      int // the next byte
	line    int // from 1 on
	tokens  []token
	open    []byte // the open brackets
	indents []int  // the columns of the open blocks
	nesting int    // the number of open f-strings
	fresh   bool   // a logical line begins here
}

// tokenize returns the tokens of text. The last one is the end. After an error
// it returns the tokens before it.
func tokenize(text string) ([]token, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.Contains(text, "\r") {
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	t := &tokenizer{text: text, line: 1, fresh: true}
	err := t.run()
	if len(t.tokens) > 0 && t.tokens[len(t.tokens)-1].kind != kindNewline {
		t.add(kindNewline, "")
	}
	for range t.indents {
		t.add(kindDedent, "")
	}
	t.add(kindEnd, "")
	return t.tokens, err
}

func (t *tokenizer) add(k kind, text string) {
	t.tokens = append(t.tokens, token{k, text, t.line})
}

func (t *tokenizer) fail(text string) error { return &Error{t.line, text} }

func (t *tokenizer) run() error {
	for t.at < len(t.text) {
		if t.fresh {
			if err := t.indentation(); err != nil {
				return err
			}
			continue
		}
		if err := t.next(); err != nil {
			return err
		}
	}
	if len(t.open) > 0 {
		return t.fail("the bracket " + string(t.open[len(t.open)-1]) + " is not closed")
	}
	return nil
}

// indentation reads the white space at the begin of a line, and opens or closes
// blocks. A line that is empty but for a comment does neither.
func (t *tokenizer) indentation() error {
	column := 0
	for ; t.at < len(t.text); t.at++ {
		switch t.text[t.at] {
		case ' ':
			column++
			continue
		case '\t':
			column = (column/8 + 1) * 8
			continue
		case '\f':
			column = 0
			continue
		}
		break
	}
	t.comment()
	if t.at == len(t.text) {
		return nil
	}
	if t.text[t.at] == '\n' {
		t.at++
		t.line++
		return nil
	}
	return t.block(column)
}

// block opens a block at the column, or closes the blocks that end before it.
func (t *tokenizer) block(column int) error {
	top := func() int {
		if len(t.indents) == 0 {
			return 0
		}
		return t.indents[len(t.indents)-1]
	}
	t.fresh = false
	if column > top() {
		if len(t.indents) == maxNesting {
			return t.fail("too many blocks")
		}
		t.indents = append(t.indents, column)
		t.add(kindIndent, "")
	}
	for column < top() {
		t.indents = t.indents[:len(t.indents)-1]
		t.add(kindDedent, "")
	}
	if column != top() {
		return t.fail("the indentation fits no block")
	}
	return nil
}

// comment skips a comment, if there is one here.
func (t *tokenizer) comment() {
	if t.at == len(t.text) || t.text[t.at] != '#' {
		return
	}
	if end := strings.IndexByte(t.text[t.at:], '\n'); end >= 0 {
		t.at += end
	} else {
		t.at = len(t.text)
	}
}

// next reads white space, a comment or a token.
func (t *tokenizer) next() error {
	c := t.text[t.at]
	switch {
	case c == ' ' || c == '\t' || c == '\f':
		t.at++
	case c == '#':
		t.comment()
	case c == '\n':
		if len(t.open) == 0 {
			t.add(kindNewline, "")
			t.fresh = true
		}
		t.at++
		t.line++
	case c == '\\' && strings.HasPrefix(t.text[t.at+1:], "\n"):
		t.at += 2
		t.line++
	case c == '"' || c == '\'':
		return t.str("")
	case isDigit(c) || c == '.' && t.at+1 < len(t.text) && isDigit(t.text[t.at+1]):
		t.number()
	case isNameByte(c):
		return t.name()
	default:
		return t.operator()
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isNameByte reports whether c may stand in a name. All letters beyond ASCII
// are taken for letters of names here.
func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c >= utf8.RuneSelf
}

// name reads a name, or a string with a prefix.
func (t *tokenizer) name() error {
	start := t.at
	for t.at < len(t.text) && isNameByte(t.text[t.at]) {
		t.at++
	}
	name := t.text[start:t.at]
	if t.at < len(t.text) && (t.text[t.at] == '"' || t.text[t.at] == '\'') && isPrefix(name) {
		return t.str(strings.ToLower(name))
	}
	if r, _ := utf8.DecodeRuneInString(name); r != '_' && !unicode.IsLetter(r) && !unicode.Is(unicode.Nl, r) {
		return t.fail("the character " + string(r) + " does not belong there")
	}
	t.add(kindName, name)
	return nil
}

// isPrefix reports whether a string may follow the letters at once.
func isPrefix(name string) bool {
	switch strings.ToLower(name) {
	case "r", "u", "b", "br", "rb", "ur", "f", "fr", "rf", "t", "tr", "rt":
		return true
	}
	return false
}

// number reads a number. It ends where a keyword follows at once, as in 1if.
func (t *tokenizer) number() {
	digits := func(accept string) {
		for t.at < len(t.text) && strings.IndexByte(accept, t.text[t.at]) >= 0 {
			t.at++
		}
	}
	follows := func(accept string) bool {
		return t.at < len(t.text) && strings.IndexByte(accept, t.text[t.at]) >= 0
	}
	const decimal = "0123456789_"
	if t.text[t.at] == '0' && t.at+1 < len(t.text) && strings.IndexByte("xXoObB", t.text[t.at+1]) >= 0 {
		t.at += 2
		digits(decimal + "abcdefABCDEF")
	} else {
		digits(decimal)
		if follows(".") {
			t.at++
			digits(decimal)
		}
		if follows("eE") {
			back := t.at
			t.at++
			if follows("+-") {
				t.at++
			}
			if !follows(decimal[:10]) {
				t.at = back
			}
			digits(decimal)
		}
	}
	if follows("jJlL") {
		t.at++
	}
	t.add(kindNumber, "")
}

// operators are the operators of more than one byte.
var operators = []string{"**=", "//=", ">>=", "<<=", "...", "!=", ":=", "->", "==", "<=", ">=", "<>", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
	"^=", "@=", "**", "//", ">>", "<<"}

// operator reads an operator or a bracket.
func (t *tokenizer) operator() error {
	for _, op := range operators {
		if strings.HasPrefix(t.text[t.at:], op) {
			t.at += len(op)
			t.add(kindOp, op)
			return nil
		}
	}
	c := t.text[t.at]
	switch c {
	case '(', '[', '{':
		if len(t.open) == maxNesting {
			return t.fail("too many brackets")
		}
		t.open = append(t.open, c)
	case ')', ']', '}':
		if len(t.open) == 0 || closing(t.open[len(t.open)-1]) != c {
			return t.fail("the bracket " + string(c) + " closes none")
		}
		t.open = t.open[:len(t.open)-1]
	default:
		if strings.IndexByte("+-*/%@&|^~<>=,:.;`!", c) < 0 {
			return t.fail("the character " + string(rune(c)) + " does not belong there")
		}
	}
	t.at++
	t.add(kindOp, string(c))
	return nil
}

// closing returns the bracket that closes open.
func closing(open byte) byte {
	switch open {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}
