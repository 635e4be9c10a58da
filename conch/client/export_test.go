package client

// TimeOut does what the end of Options.Timeout does. It belongs to the loop.
func (t *SSHClientTransport) TimeOut() { t.fail(ErrTimeout) }
