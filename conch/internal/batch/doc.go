// Package batch makes fewer and larger system calls of the reads and writes on a connection.
//
// golang.org/x/crypto/ssh reads and writes through buffers of 4 KiB: a packet of 32 KiB takes two system calls to read, and three to write.
// A [Conn] in between takes what is written to a goroutine that writes whatever has come since its last system call, and reads ahead into a large
// buffer as long as that fills.
package batch
