// Package wire encodes and decodes the data types of the SSH protocols (RFC
// 4251, section 5). SFTP packets and the payloads of channel requests and
// global requests consist of them. Numbers are big-endian.
//
// An [Encoder] appends values to a byte slice. A [Decoder] reads values from a
// byte slice. The Decoder keeps the first error, so callers read a whole
// structure and check the error once, at the end:
//
//	d := wire.NewDecoder(payload)
//	term, columns, rows := d.String(), d.Uint32(), d.Uint32()
//	if err := d.Finish(); err != nil {
//		return err
//	}
//
// A Decoder never reads beyond its slice. The Decoder checks every length and
// count against the number of bytes that follow before it allocates memory.
//
// The package has no multiple-precision integers. Only golang.org/x/crypto/ssh
// needs them.
//
// An Encoder or Decoder must not be used by several goroutines at once.
package wire
