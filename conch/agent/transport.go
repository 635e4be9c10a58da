package agent

// Transport is what a client or a server needs of the connection that carries it. If it has a method AbortConnection() as well, which closes
// without sending what is still queued, that is used instead of LoseConnection after a protocol error.
type Transport interface {
	// Write queues p to be sent and does not block. p then belongs to the transport: it is neither changed nor reused, so that there is no
	// need to copy it. After the connection is lost, Write does nothing.
	Write(p []byte)

	// LoseConnection closes the connection once what was written has been sent.
	LoseConnection()
}

func abort(t Transport) {
	if a, ok := t.(interface{ AbortConnection() }); ok {
		a.AbortConnection()
	} else {
		t.LoseConnection()
	}
}
