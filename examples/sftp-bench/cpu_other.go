//go:build !unix

package main

// cpuSeconds and peakMemory return 0: this system has no getrusage.
func cpuSeconds() float64 { return 0 }
func peakMemory() float64 { return 0 }
