package insults

import "bytes"

// counted are the control sequences with one number, which is 1 if it is absent
// or 0.
var counted = map[byte]func(Terminal, int){
	'A': Terminal.CursorUp,
	'B': Terminal.CursorDown,
	'C': Terminal.CursorForward,
	'D': Terminal.CursorBackward,
	'P': Terminal.DeleteCharacter,
	'L': Terminal.InsertLine,
	'M': Terminal.DeleteLine,
}

// selected are the control sequences whose number selects a method. An absent
// number is 0.
var selected = map[byte]map[int]func(Terminal){
	'K': {0: Terminal.EraseToLineEnd, 1: Terminal.EraseToLineBeginning, 2: Terminal.EraseLine},
	'J': {0: Terminal.EraseToDisplayEnd, 1: Terminal.EraseToDisplayBeginning, 2: Terminal.EraseDisplay},
	'g': {0: Terminal.TabulationClear, 3: Terminal.TabulationClearAll},
}

// screen has the methods of a TerminalBuffer for control sequences that Twisted
// has no methods for, and that today's programs use. For other terminals these
// sequences are unhandled.
type screen interface {
	Terminal
	cursorColumn(n int)
	cursorLine(n int)
	insertCharacter(n int)
	eraseCharacter(n int)
	scrollUp(n int)
	scrollDown(n int)
}

// screenCalls are the control sequences with one number, which is 1 if it is
// absent or 0, that only a screen understands.
var screenCalls = map[byte]func(screen, int){
	'G': screen.cursorColumn,
	'`': screen.cursorColumn,
	'd': screen.cursorLine,
	'@': screen.insertCharacter,
	'X': screen.eraseCharacter,
	'S': screen.scrollUp,
	'T': screen.scrollDown,
}

// callScreen calls the method of a screen for a sequence with one number, which
// may be absent.
func (c *ClientProtocol) callScreen(n int, final byte) bool {
	to, ok := c.term.(screen)
	switch call := screenCalls[final]; {
	case !ok:
		return false
	case call != nil:
		call(to, max(n, 1))
		return true
	case n < 0 && final == 's':
		to.SaveCursor()
		return true
	case n < 0 && final == 'u':
		to.RestoreCursor()
		return true
	}
	return false
}

// call calls the method for a control sequence. It returns false if there is
// none.
func (c *ClientProtocol) call(parameters []byte, final byte) bool {
	if final == 'm' {
		return c.rendition(parameters)
	}
	if private, ok := bytes.CutPrefix(parameters, []byte("?")); ok {
		return c.privateModes(private, final)
	}
	numbers, ok := parseParameters(parameters)
	if !ok {
		return false
	}
	if len(numbers) == 1 {
		return c.callOne(numbers[0], final)
	}
	return c.callSeveral(numbers, final)
}

// callOne calls the method for a sequence with one number, which may be absent.
func (c *ClientProtocol) callOne(n int, final byte) bool {
	if call := counted[final]; call != nil {
		call(c.term, max(n, 1))
		return true
	}
	if calls := selected[final]; calls != nil {
		call := calls[max(n, 0)]
		if call != nil {
			call(c.term)
		}
		return call != nil
	}
	switch final {
	case 'n':
		if n == 6 {
			c.reportCursor()
		}
		return n == 6
	case 'H', 'f':
		if n < 0 {
			c.term.CursorHome()
			return true
		}
	}
	return c.callSeveral([]int{n}, final) || c.callScreen(n, final)
}

// callSeveral calls the method for a sequence with any number of numbers.
func (c *ClientProtocol) callSeveral(numbers []int, final byte) bool {
	switch final {
	case 'h', 'l':
		modes, ok := modesOf[Mode](numbers)
		if !ok {
			return false
		}
		if final == 'h' {
			c.term.SetModes(modes...)
		} else {
			c.term.ResetModes(modes...)
		}
		return true
	case 'r', 'H', 'f':
		if len(numbers) > 2 {
			return false
		}
		numbers = append(numbers, 0)
		if final == 'r' {
			c.term.SetScrollRegion(max(numbers[0], 0), max(numbers[1], 0))
		} else {
			c.term.CursorPosition(max(numbers[1]-1, 0), max(numbers[0]-1, 0))
		}
		return true
	}
	return false
}

func (c *ClientProtocol) privateModes(parameters []byte, final byte) bool {
	numbers, ok := parseParameters(parameters)
	if !ok || final != 'h' && final != 'l' {
		return false
	}
	modes, ok := modesOf[PrivateMode](numbers)
	if !ok {
		return false
	}
	if final == 'h' {
		c.term.SetPrivateModes(modes...)
	} else {
		c.term.ResetPrivateModes(modes...)
	}
	return true
}

// modesOf returns numbers as modes. ok is false if a number is absent.
func modesOf[M ~int](numbers []int) (modes []M, ok bool) {
	for _, n := range numbers {
		if n < 0 {
			return nil, false
		}
		modes = append(modes, M(n))
	}
	return modes, true
}

// rendition selects attributes.
func (c *ClientProtocol) rendition(parameters []byte) bool {
	var attributes []Attribute
	for part := range bytes.SplitSeq(parameters, []byte(";")) {
		numbers, ok := parseParameters(bytes.ReplaceAll(part, []byte(":"), []byte(";")))
		if !ok {
			return false
		}
		for _, n := range withoutColons(numbers) {
			attributes = append(attributes, Attribute(max(n, 0)))
		}
	}
	c.term.SelectGraphicRendition(attributes...)
	return true
}

// withoutColons returns an attribute whose numbers were separated by colons, as
// in 38:5:1, as it is written with semicolons.
func withoutColons(numbers []int) []int {
	switch base := numbers[0]; {
	case len(numbers) == 1:
		return numbers
	case base == 4 && numbers[1] == 0: // no underline
		return []int{24}
	case (base == 38 || base == 48) && numbers[1] == 2 && len(numbers) > 5: // has a colour space
		return append([]int{base, 2}, numbers[3:6]...)
	case base == 38 || base == 48:
		return numbers
	}
	return numbers[:1]
}
