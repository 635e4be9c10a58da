// Package protocols implements common wire formats: lines, length-prefixed
// strings and netstrings; and a sender of files.
//
// Each receiver is a struct to embed by value. The embedding type defines the
// method that takes one message. The receiver provides all other methods of
// [reactor.Protocol]:
//
//	type shout struct{ protocols.LineReceiver }
//
//	func (s *shout) LineReceived(line []byte) { s.SendLine(bytes.ToUpper(line)) }
//
// # Rules for all receivers
//
// A receiver delivers nothing while the connection is closing, and nothing
// after its loss. MaxLength of each type limits the length of a message, so a
// peer cannot fill the memory.
//
// A receiver is a [reactor.PushProducer]. PauseProducing stops the delivery and
// pauses the transport. Received data waits until ResumeProducing. All three
// methods may be called while a message is being delivered; deliveries are
// never nested.
//
// A method owns the slices passed to it and may keep and change their contents.
//
// All methods must be called on the goroutine of the reactor.
//
// # Files and timeouts
//
// [FileSender] sends a file at the speed of the connection. [TimeoutMixin]
// closes idle connections.
package protocols
