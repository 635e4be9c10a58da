package insults

import "github.com/hawser-go/hawser/deferred"

// ReportCursorPosition asks the terminal where its cursor is. Several questions
// are answered in order. The Deferred fails when the connection is lost. Many
// terminals never answer: use AddTimeout. The answer to a question that has
// timed out is dropped.
//
// While an answer is awaited, KeyF3 with Shift of xterm is taken for the
// answer: both are the same bytes.
func (s *ServerProtocol) ReportCursorPosition() deferred.Deferred[Position] {
	if s.lost != nil {
		return deferred.Fail[Position](s.lost)
	}
	s.send("\x1b[6n")
	d := deferred.New(func(deferred.Deferred[Position]) {}) // the terminal may still answer
	s.asked = append(s.asked, d)
	return d
}

func (s *serverSink) cursorReport(line, column int) bool {
	if len(s.asked) == 0 {
		return false
	}
	d := s.asked[0]
	s.asked = s.asked[1:]
	_ = d.TryCallback(Position{column - 1, line - 1}) // it may have been cancelled
	return true
}
