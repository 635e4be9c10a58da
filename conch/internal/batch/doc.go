// Package batch reduces the number of system calls that golang.org/x/crypto/ssh
// makes.
//
// x/crypto/ssh reads and writes through buffers of 4 KiB. A packet of 32 KiB
// therefore takes two or more system calls in each direction and leaves in two
// or more segments. A [Conn] between x/crypto/ssh and the socket joins the
// writes of a packet, and reads ahead into a large buffer while much data
// arrives.
package batch
