//go:build race

package conch_test

// raceDetector is on: everything takes ten times as long.
const raceDetector = true
