package frame_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/frame"
)

func Example() {
	r := frame.NewReader(100)
	for _, chunk := range []string{"\x00\x00", "\x00\x05hello\x00\x00\x00\x02a", "b\x00\x00\x01\x00"} {
		r.Feed([]byte(chunk))
		for {
			message, err := r.Next()
			if message == nil {
				fmt.Println("end of the chunk,", err)
				break
			}
			fmt.Printf("%s\n", message)
		}
	}
	// Output:
	// end of the chunk, <nil>
	// hello
	// end of the chunk, <nil>
	// ab
	// end of the chunk, frame: message of 256 bytes; 1 to 100 are allowed
}
