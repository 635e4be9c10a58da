package knownhosts

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxAnswer is how much of an answer is looked at, in bytes.
const maxAnswer = 64

// Ask writes a question to a terminal and reads lines until one says yes or no; letter case and blanks around it do not count. Anything
// else is asked again; an empty line and the end of input mean no (C-CLIENT-47). It blocks for as long as the user thinks:
// closing the terminal ends it. It reads no byte beyond the answer. The error is that of writing or reading.
func Ask(terminal io.ReadWriter, question string) (bool, error) {
	for {
		if _, err := io.WriteString(terminal, question); err != nil {
			return false, fmt.Errorf("knownhosts: cannot ask about the host key: %w", err)
		}
		answer, err := readAnswer(terminal)
		if err != nil {
			_, _ = io.WriteString(terminal, "\n") // nobody has typed one; the terminal may be gone
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("knownhosts: cannot read the answer about the host key: %w", err)
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

// readAnswer reads to the end of the line and keeps its beginning.
func readAnswer(r io.Reader) (string, error) {
	var answer []byte
	var one [1]byte
	for {
		n, err := r.Read(one[:])
		if n > 0 && one[0] == '\n' {
			return string(answer), nil
		}
		if n > 0 && len(answer) < maxAnswer {
			answer = append(answer, one[0])
		}
		if err != nil {
			return string(answer), err
		}
	}
}
