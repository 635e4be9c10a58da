package recvline

// Pasting reports whether a bracketed paste has begun and not ended.
func (l *RecvLine) Pasting() bool { return l.paste.active }

// Prompt returns the prompt that is shown.
func (l *RecvLine) Prompt() string { return l.prompt() }
