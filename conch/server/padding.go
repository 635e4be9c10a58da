package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	// minFailure is the shortest time that a refused attempt takes. A part
	// that depends on the user comes on top.
	minFailure = 5 * time.Millisecond

	// maxPadded is the time from which on a refused attempt is not delayed.
	maxPadded = 5 * time.Second
)

// pause returns how long the answer to a refused attempt of a user is delayed
// that has taken some time. The whole time becomes the first doubling of the
// shortest time that is longer. So it hardly depends on what has been done. Per
// user it is always the same, so it shows nothing by its average. OpenSSH does
// so too.
func (f *SSHFactory) pause(user string, taken time.Duration) time.Duration {
	if taken > maxPadded {
		return 0
	}
	total := minFailure + f.userDelay(user)
	for total < taken {
		total *= 2
	}
	return total - taken
}

// userDelay returns up to 4.3 ms, in a way that only the server can compute.
func (f *SSHFactory) userDelay(user string) time.Duration {
	if f.secret == nil {
		f.secret = make([]byte, sha256.Size)
		_, _ = rand.Read(f.secret) // it never fails
	}
	mac := hmac.New(sha256.New, f.secret)
	mac.Write([]byte(user))
	return time.Duration(binary.BigEndian.Uint32(mac.Sum(nil))) * time.Nanosecond / 1000
}
