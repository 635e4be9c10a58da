package text_test

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/text"
)

func Example() {
	fmt.Println(text.Line("no such file\r\n\x1b[2J"))
	fmt.Println(text.Quote("a name\u202efdp.exe"))
	fmt.Print(text.Lines("Welcome\r\n\tto the \x1b]0;machine\a\n"))
	fmt.Println("conch: " + text.TrimPrefix(errors.New("keys: wrong passphrase")))
	// Output:
	// no such file \x1b[2J
	// "a name\u202efdp.exe"
	// Welcome
	// 	to the \x1b]0;machine\a
	// conch: wrong passphrase
}
