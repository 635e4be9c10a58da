package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxYesNo is the number of bytes of an answer that askYesNo looks at.
const maxYesNo = 64

// askYesNo writes a question to a terminal and reads lines until a line is yes
// or no. Case and surrounding white space do not matter. It asks again after
// any other line. An empty line and the end of input mean no. It reads no byte
// after the answer. It blocks until the user has answered; closing the terminal
// unblocks it.
func askYesNo(terminal io.ReadWriter, question string) (bool, error) {
	for {
		if _, err := io.WriteString(terminal, question); err != nil {
			return false, fmt.Errorf("client: cannot ask the user: %w", err)
		}
		answer, err := readAnswer(terminal)
		if err != nil {
			_, _ = io.WriteString(terminal, "\n") // the user has typed none; the terminal may be gone
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("client: cannot read the user's answer: %w", err)
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "yes":
			return true, nil
		case "no", "":
			return false, nil
		}
		if err != nil {
			return false, nil
		}
		question = "Please type yes or no: "
	}
}

// readAnswer reads a line and returns its first maxYesNo bytes.
func readAnswer(r io.Reader) (string, error) {
	var answer []byte
	var one [1]byte
	for {
		n, err := r.Read(one[:])
		if n > 0 && one[0] == '\n' {
			return string(answer), nil
		}
		if n > 0 && len(answer) < maxYesNo {
			answer = append(answer, one[0])
		}
		if err != nil {
			return string(answer), err
		}
	}
}
