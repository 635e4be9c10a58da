package telnet

// The limits, for tests.
const (
	MaxSubnegotiation = maxSubnegotiation
	MaxAnswers        = maxAnswers
)

// StateName returns the name of the state of the byte machine, as in the
// recorded traces.
func (t *Telnet) StateName() string {
	return [...]string{"data", "escaped", "command", "newline", "subnegotiation", "subnegotiation-escaped"}[t.state]
}

// OptionState is the state of an option, for tests.
type OptionState struct{ Us, UsNegotiating, Him, HimNegotiating bool }

// OptionStates returns the state of each option that was used.
func (t *Telnet) OptionStates() map[Option]OptionState {
	states := make(map[Option]OptionState)
	for o, s := range t.options.state {
		states[o] = OptionState{s.us.on, s.us.negotiating, s.him.on, s.him.negotiating}
	}
	return states
}

// Kept returns the number of bytes that the byte machine keeps between chunks.
func (t *Telnet) Kept() int { return cap(t.app) + len(t.sub) }
