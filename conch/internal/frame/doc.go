// Package frame splits a stream of bytes into messages. A uint32 in network
// byte order precedes each message and states its length, as in SFTP.
//
// A [Reader] takes chunks of any size, as a transport delivers them, and
// returns whole messages:
//
//	r.Feed(chunk)
//	for {
//		message, err := r.Next()
//		if err != nil {
//			return err // a *LengthError; the stream cannot be read any further
//		}
//		if message == nil {
//			return nil // call Feed with the next chunk
//		}
//		handle(message)
//	}
//
// A message that one chunk contains completely is not copied: Next returns a
// part of the chunk. Other messages are copied once, either into a new buffer
// of their size, or into memory that the caller of [Reader.SetPlace] provides.
package frame
