package wire_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/wire"
)

// This example encodes and decodes the payload of an "exit-signal" channel
// request (RFC 4254, section 6.10).
func Example() {
	var e wire.Encoder
	e.String("TERM")
	e.Bool(false)
	e.String("stopped by hand")
	e.String("en")

	d := wire.NewDecoder(e.Data())
	signal, core, message, lang := d.String(), d.Bool(), d.String(), d.String()
	fmt.Println(signal, core, message, lang, d.Finish())

	short := wire.NewDecoder(e.Data()[:10])
	_, _, _ = short.String(), short.Bool(), short.String()
	fmt.Println(short.Err())
	// Output:
	// TERM false stopped by hand en <nil>
	// wire: truncated: uint32 of 4 bytes, 1 left
}
