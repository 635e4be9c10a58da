//go:build !race

package sshtest

// RaceDetector is off.
const RaceDetector = false
