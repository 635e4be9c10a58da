package manhole

// Interpreter runs the statements of one session. Its methods are called on the
// loop. Push must return soon, because nothing else runs on the loop meanwhile.
// An Interpreter may also be a [Completer] and a [Colorizer].
type Interpreter interface {
	// Push takes a line, without its end. It returns true if the statement is
	// not complete; the line is kept then. Otherwise Push has run all kept
	// lines, or has reported an error, through the Session, and has dropped the
	// lines. An empty line ends a block.
	Push(line string) (more bool)

	// Reset drops the kept lines.
	Reset()
}

// Session is the session as its interpreter sees it. A [Manhole] is one. All
// methods belong to the loop.
type Session interface {
	// AddOutput shows text. Output of the statement that runs has async false.
	// Output that arrives at other times, when the user may be typing, has async
	// true. See Manhole.AddOutput.
	AddOutput(text string, async bool)

	// Display returns the text that shows a value, without a line end. It is
	// empty for nil. A Deferred that has not fired gets a number, and its result
	// is shown later.
	Display(v any) string

	// LoseConnection ends the session.
	LoseConnection()
}

// InterpreterFactory makes the interpreter of a session. The namespace has the
// names that the user finds; the interpreter may change the map, which is a
// copy. starlarkrepl.New is an InterpreterFactory.
type InterpreterFactory func(s Session, namespace map[string]any) Interpreter

// Completer is an optional interface of interpreters. Complete is called on the
// loop when the user presses Tab; see recvline.RecvLine.Complete.
type Completer interface {
	Complete(before, after string) (word string, candidates []string)
}

// Colorizer is an optional interface of interpreters, for a [ColoredManhole].
// LastColorizedLine returns the line that the user is typing, which follows the
// kept lines, with colours. The text must stay the same. ok is false if the line
// cannot be coloured, for example because a string has no end. The method is
// called on the loop for each typed character.
type Colorizer interface {
	LastColorizedLine(line string) (colored string, ok bool)
}
