package reactor

// Notice returns a value that changes when blocked goroutines must look whether
// they are on the loop.
func (r *Reactor) Notice() any { return r.stall.notice.Load() }
