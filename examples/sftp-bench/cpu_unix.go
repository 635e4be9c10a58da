//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// usage returns the resources that this process has used.
func usage() (r syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // if it fails, r is zero
	return r
}

// cpuSeconds returns the CPU time of this process.
func cpuSeconds() float64 {
	r := usage()
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

// peakMemory returns the largest resident size of this process, in bytes.
func peakMemory() float64 {
	if runtime.GOOS == "darwin" {
		return float64(usage().Maxrss)
	}
	return float64(usage().Maxrss) * 1024
}
