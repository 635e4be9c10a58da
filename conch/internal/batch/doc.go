// Package batch makes fewer and larger system calls of the reads and writes of golang.org/x/crypto/ssh.
//
// That reads and writes through buffers of 4 KiB, so that a packet of 32 KiB takes two system calls in either direction, and goes out in two
// segments. A [Conn] in between puts the two writes together, and reads ahead into a large buffer as long as that fills.
package batch
