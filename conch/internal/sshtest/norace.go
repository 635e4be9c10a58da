//go:build !race

package sshtest

// RaceDetector reports that the race detector is off.
const RaceDetector = false
