// Package protocols has the protocols that others are built on: lines, strings with a length in front, netstrings, and the sending of files.
//
// Each is a struct to embed by value. The embedding type adds the method that takes what was received, and gets the rest, among it
// everything of reactor.Protocol:
//
//	type shout struct{ protocols.LineReceiver }
//
//	func (s *shout) LineReceived(line []byte) { s.SendLine(bytes.ToUpper(line)) }
//
// All of them stop delivering once the connection is being closed, keep what they have while they are paused, and bound what a peer can make
// them keep. They are producers: PauseProducing and ResumeProducing stop and continue the delivery, and the transport with it. Slices that
// they deliver belong to the receiver. They belong to the loop.
package protocols
