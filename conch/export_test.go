package conch

// OpenRefusal is openRefusal.
func OpenRefusal(err error) *ConchError { return openRefusal(err) }

// HighWater is highWater.
const HighWater = highWater

// EOFGrace is eofGrace.
const EOFGrace = eofGrace

// Probing reports whether the first probe is on its way.
func Probing(t *SSHTransport) bool { return t.probe.running && t.probe.number == 1 }
