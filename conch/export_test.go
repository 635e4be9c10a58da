package conch

// OpenRefusal is openRefusal.
func OpenRefusal(err error) *ConchError { return openRefusal(err) }

// HighWater is highWater.
const HighWater = highWater
