package manhole

// ColoredManhole is a [Manhole] that colours the line, if its interpreter is a
// [Colorizer]. It is Twisted's ColoredManhole. Call [NewColored], or embed it by
// value as a Manhole.
type ColoredManhole struct{ Manhole }

// NewColored returns a ColoredManhole for one session. NewColored panics if
// newInterpreter is nil.
func NewColored(newInterpreter InterpreterFactory, namespace map[string]any) *ColoredManhole {
	return &ColoredManhole{*New(newInterpreter, namespace)}
}

// Prepare sets everything up before ConnectionMade.
func (c *ColoredManhole) Prepare() {
	c.Manhole.Prepare()
	if colorizer, ok := c.interpreter.(Colorizer); ok && c.Render == nil {
		c.Render = colorizer.LastColorizedLine
	}
}
