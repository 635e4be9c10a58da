// Package protocols implements common wire formats: lines, length-prefixed
// strings and netstrings. It also sends files.
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
// A receiver delivers nothing after the connection is closing or lost. It
// limits the length of a message, so a peer cannot fill the memory; see
// MaxLength of each type.
//
// A receiver is a [reactor.PushProducer]. PauseProducing stops the delivery and
// pauses the transport. Received data waits until ResumeProducing. All three
// methods may be called while a message is being delivered; deliveries are
// never nested.
//
// Slices passed to a method belong to that method: it may keep and change them.
//
// All methods must be called on the goroutine of the reactor.
//
// # Files and timeouts
//
// [FileSender] sends a file as fast as the connection takes it. [TimeoutMixin]
// closes idle connections.
package protocols
