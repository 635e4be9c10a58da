// Package wire encodes and decodes the data types of the SSH protocols, RFC 4251 section 5: the ones that SFTP packets, channel
// request payloads and global requests are made of. Everything is big-endian.
//
// An [Encoder] appends to a byte slice. A [Decoder] walks over one; its error is sticky, so a whole structure is read field by field and
// the error is looked at once, at the end:
//
//	d := wire.NewDecoder(payload)
//	term, columns, rows := d.String(), d.Uint32(), d.Uint32()
//	if err := d.Finish(); err != nil {
//		return err
//	}
//
// A Decoder never reads past the slice and never allocates because of a length or a count alone: both are checked against the bytes that
// are there first. Multiple-precision integers are not here; golang.org/x/crypto/ssh keeps them to itself.
//
// Both types belong to one goroutine at a time and hold no lock.
package wire
