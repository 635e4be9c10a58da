//go:build !linux && !darwin

package server

import (
	"os"

	"github.com/hawser-go/hawser/conch"
)

// setModes does nothing: here children have no terminals.
func setModes(*os.File, []conch.TerminalMode) error { return nil }
