//go:build !unix

package remote

import "errors"

// inBackground is never set on this system.
const inBackground = "HAWSER_CONCH_BACKGROUND"

// runInBackground reports that this system has no background.
func (c *Command) runInBackground([]string) int {
	return c.refuse(errors.New("remote: -f is not possible on this system"))
}

// leaveForeground is never called.
func leaveForeground() {}
