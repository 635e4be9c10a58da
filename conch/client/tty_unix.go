//go:build !windows

package client

import "os"

// openTerminal opens the controlling terminal of the process.
func openTerminal() (terminal, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &tty{in: f, out: f}, nil
}
