//go:build !unix

package keygen

import "os"

// openTerminal opens the console of the process.
func openTerminal() (*terminal, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return nil, err
	}
	return &terminal{in: in, out: out}, nil
}

// raise does nothing: the caller ends with an exit status.
func raise(os.Signal, bool) {}
