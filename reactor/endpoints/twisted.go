package endpoints

// The names in this file exist for programs ported from Twisted. New programs
// do not need them.

// takeBacklog takes the backlog out of a description and checks that it is a
// number that is not negative. It has no effect: the length of the queue is a
// setting of the system.
func (d *Description) takeBacklog() {
	if n := d.Int("backlog", 10, 50); n < 0 {
		d.Fail("the backlog is negative; give a number from 0", nil)
	}
}
