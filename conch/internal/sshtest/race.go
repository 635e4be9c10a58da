//go:build race

package sshtest

// RaceDetector reports that the race detector is on. Code then takes about ten
// times as long.
const RaceDetector = true
