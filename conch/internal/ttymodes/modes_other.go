//go:build !linux && !darwin

package ttymodes

import "os"

// Set does nothing on this system.
func Set(*os.File, []Mode) error { return nil }

// Get returns no modes on this system.
func Get(*os.File) ([]Mode, error) { return nil, nil }
