//go:build !unix

package cftp

import "os"

func endings() []os.Signal { return []os.Signal{os.Interrupt} }

// raise ends the process.
func raise(os.Signal) { os.Exit(StatusLost) }

func terminate(p *os.Process) error { return p.Kill() }

func ignoreKeys() (free func()) { return func() {} }

func inForeground(int) bool { return true }

// suspendProcess does nothing: processes are not stopped here.
func (d *dialogue) suspendProcess(before, after func()) {}
