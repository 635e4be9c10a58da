// Package frame cuts a stream of bytes into messages that have their length in front, as a uint32 in network byte order: the framing of the
// SSH agent protocol and of SFTP.
//
// A [Reader] is fed the chunks that a transport delivers, cut in any way, and gives out whole messages:
//
//	r.Feed(chunk)
//	for {
//		message, err := r.Next()
//		if err != nil {
//			return err // a *LengthError; the stream is of no use any more
//		}
//		if message == nil {
//			return nil // until more is fed
//		}
//		handle(message)
//	}
//
// A message that lies whole in one chunk is handed on in place. One that does not is copied once: into a buffer of its own size, or, if the
// owner of the Reader knows by its header where it is to end up, straight there, see [Reader.SetPlace].
package frame
