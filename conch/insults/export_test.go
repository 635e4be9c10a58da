package insults

// State returns Twisted's name of the state of the parser.
func (s *ServerProtocol) State() string {
	return map[inputState]string{stateData: "data", stateEscaped: "escaped", stateBracketEscaped: "bracket-escaped",
		stateLowFunctionEscaped: "low-function-escaped"}[s.keyboard.state]
}

// State returns Twisted's name of the state of the parser.
func (c *ClientProtocol) State() string {
	return map[clientState]string{clientData: "data", clientEscaped: "escaped", clientBracketEscape: "bracket-escape",
		clientSelectG0: "select-g0", clientSelectG1: "select-g1", clientSelectHeightWidth: "select-height-width"}[c.state]
}

// Kept returns the number of bytes of input that a parser holds.
func (s *ServerProtocol) Kept() int { return cap(s.keyboard.raw) + cap(s.keyboard.partial) }

// Kept returns the number of bytes of input that a parser holds.
func (c *ClientProtocol) Kept() int { return cap(c.raw) }

var (
	NumberKeys    = numberKeys
	FunctionKeys  = functionKeys
	AddCR         = addCR
	KeyNames      = keyNames
	MaxClusterLen = maxCluster
)
