//go:build !unix

package main

// cpuSeconds and peakMemory have no figures on this system.
func cpuSeconds() float64 { return 0 }
func peakMemory() float64 { return 0 }
