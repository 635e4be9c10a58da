package keygen

import "io"

// Help is the text of -h.
const Help = help

// Names are the spellings of all options.
func Names() []string {
	var names []string
	for _, o := range options {
		names = append(names, o.String(), "--"+o.Name)
	}
	return names
}

// Parse returns the options of a command line.
func Parse(args []string) (map[string]string, error) { return parse(args) }

// ReadHidden reads a line from a raw terminal.
func ReadHidden(r io.Reader) ([]byte, error) { return readHidden(r) }

// ReadSSH2 reads a file in the format of RFC 4716.
func ReadSSH2(data []byte) ([]byte, error) { return readSSH2(data) }

// WriteSSH2 writes a file in the format of RFC 4716.
func WriteSSH2(blob []byte, comment string) string { return writeSSH2(blob, comment) }

// SaveVerified saves a file that is verified first.
func SaveVerified(path string, data []byte, verify func(path string) error) error {
	return save(true, file{path: path, data: data, mode: modePrivate, verify: verify})
}
