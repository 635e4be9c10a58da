package remote

import (
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// startStdio connects the standard streams to an address, from the server: -W.
func (j *job) startStdio() {
	forward.Dial(j.conn, j.stdio.network, j.stdio.address).OnResult(func(c *reactor.NetConn, err error) {
		if err == nil {
			_, err = j.r.Attach(c, &stdio{job: j}, reactor.AttachOptions{})
		}
		if err != nil {
			j.end(statusFailed, "stdio forwarding failed: "+text.Line(text.TrimPrefix(err)))
		}
	})
}

// stdio is the connection of -W.
type stdio struct {
	reactor.BaseProtocol
	job     *job
	streams *streams
	halves  int // directions that have ended
}

// ConnectionMade connects the standard streams.
func (s *stdio) ConnectionMade() {
	s.streams = &streams{far: s.Transport().(far), outClosed: s.Transport().LoseConnection}
	if err := s.job.openStreams(s.streams, s.job.Stdin, false); err != nil {
		s.job.last = append(s.job.last, text.Line(text.TrimPrefix(err)))
		s.job.hangUp()
		return
	}
	s.job.streams = s.streams
}

// DataReceived writes standard output.
func (s *stdio) DataReceived(p []byte) { s.streams.Transport().Write(p) }

// ReadConnectionLost ends standard output.
func (s *stdio) ReadConnectionLost() {
	s.streams.outClosed = nil
	s.streams.Transport().UnregisterProducer()
	s.streams.Transport().(reactor.HalfCloserTransport).LoseWriteConnection()
	s.halfEnded()
}

// WriteConnectionLost is called when the end of standard input is sent.
func (s *stdio) WriteConnectionLost() { s.halfEnded() }

func (s *stdio) halfEnded() {
	if s.halves++; s.halves == 2 {
		s.Transport().LoseConnection()
	}
}

// ConnectionLost ends the program.
func (s *stdio) ConnectionLost(error) {
	s.job.closeStreams().OnResult(func(deferred.Void, error) { s.job.end(0, "") })
}
