package endpoints

import (
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The names in this file exist for programs ported from Twisted. New programs
// do not need them.

// PrivilegedStartService begins to listen before the program gives up its
// privileges; StartService follows. A failure is logged, and StartService then
// tries again.
func (s *ServerService) PrivilegedStartService() {
	if s.waiting == (deferred.Deferred[reactor.ListeningPort]{}) {
		s.listen(s.log)
	}
}

// takeBacklog takes the backlog out of a description and checks that it is a
// number that is not negative. It has no effect: the length of the queue is a
// setting of the system.
func (d *Description) takeBacklog() {
	if n := d.Int("backlog", 10, 50); n < 0 {
		d.Fail("the backlog is negative; give a number from 0", nil)
	}
}
