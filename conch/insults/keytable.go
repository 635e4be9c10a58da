package insults

// letterKeys are the keys of CSI and a letter.
var letterKeys = map[byte]Stroke{
	'A': {Key: KeyUp}, 'B': {Key: KeyDown}, 'C': {Key: KeyRight}, 'D': {Key: KeyLeft},
	'E': {Key: KeyNumpadMiddle}, 'F': {Key: KeyEnd}, 'H': {Key: KeyHome},
	'Z': {KeyTab, Shift},
	'a': {KeyUp, Shift}, 'b': {KeyDown, Shift}, 'c': {KeyRight, Shift}, 'd': {KeyLeft, Shift}, // rxvt
}

// modifiedKeys are the keys of CSI, a parameter 1, a modifier, and a letter.
var modifiedKeys = map[byte]Key{
	'A': KeyUp, 'B': KeyDown, 'C': KeyRight, 'D': KeyLeft,
	'E': KeyNumpadMiddle, 'F': KeyEnd, 'H': KeyHome,
	'P': KeyF1, 'Q': KeyF2, 'R': KeyF3, 'S': KeyF4,
}

// numberKeys are the keys of CSI, a number, and a tilde.
var numberKeys = map[int]Key{
	1: KeyHome, 2: KeyInsert, 3: KeyDelete, 4: KeyEnd, 5: KeyPgUp, 6: KeyPgDn,
	7: KeyHome, 8: KeyEnd, // rxvt
	11: KeyF1, 12: KeyF2, 13: KeyF3, 14: KeyF4, 15: KeyF5,
	17: KeyF6, 18: KeyF7, 19: KeyF8, 20: KeyF9, 21: KeyF10,
	23: KeyF11, 24: KeyF12, 25: KeyF13, 26: KeyF14,
	28: KeyF15, 29: KeyF16, 31: KeyF17, 32: KeyF18, 33: KeyF19, 34: KeyF20,
	200: KeyPasteStart, 201: KeyPasteEnd,
}

// endModifiers are the modifiers that stand for the tilde in rxvt.
var endModifiers = map[byte]Modifier{'~': 0, '$': Shift, '^': Control, '@': Shift | Control}

// functionKeys are the keys of SS3 and a letter.
var functionKeys = map[byte]Stroke{
	'P': {Key: KeyF1}, 'Q': {Key: KeyF2}, 'R': {Key: KeyF3}, 'S': {Key: KeyF4},

	// Application cursor mode.
	'A': {Key: KeyUp}, 'B': {Key: KeyDown}, 'C': {Key: KeyRight}, 'D': {Key: KeyLeft},
	'E': {Key: KeyNumpadMiddle}, 'F': {Key: KeyEnd}, 'H': {Key: KeyHome},

	// Application keypad.
	'I': {Key: KeyTab}, 'M': {Key: KeyReturn}, 'X': {Key: '='},
	'j': {Key: '*'}, 'k': {Key: '+'}, 'l': {Key: ','}, 'm': {Key: '-'}, 'n': {Key: '.'}, 'o': {Key: '/'},
	'p': {Key: '0'}, 'q': {Key: '1'}, 'r': {Key: '2'}, 's': {Key: '3'}, 't': {Key: '4'},
	'u': {Key: '5'}, 'v': {Key: '6'}, 'w': {Key: '7'}, 'x': {Key: '8'}, 'y': {Key: '9'},

	// rxvt.
	'a': {KeyUp, Control}, 'b': {KeyDown, Control}, 'c': {KeyRight, Control}, 'd': {KeyLeft, Control},
}

// decodeKey returns the key of a control sequence with these parameter bytes.
// ok is false if the sequence is no key.
func decodeKey(parameters []byte, final byte) (s Stroke, ok bool) {
	if len(parameters) == 0 {
		s, ok = letterKeys[final]
		return s, ok
	}
	numbers, ok := parseParameters(parameters)
	if !ok || len(numbers) > 2 {
		return s, false
	}
	if len(numbers) == 2 {
		if numbers[1] < 1 || numbers[1] > 16 {
			return s, false
		}
		s.Modifier = Modifier(numbers[1] - 1)
	}
	if end, isNumber := endModifiers[final]; isNumber && (final == '~' || len(numbers) == 1) {
		s.Key, ok = numberKeys[numbers[0]]
		s.Modifier |= end
		return s, ok
	}
	s.Key, ok = modifiedKeys[final]
	return s, ok && len(numbers) == 2 && numbers[0] == 1
}
