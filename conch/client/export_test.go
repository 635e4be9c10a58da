package client

// TimeOut fails the attempt as if Options.Timeout had expired. It must be
// called on the loop.
func (t *SSHClientTransport) TimeOut() { t.fail(ErrTimeout) }
