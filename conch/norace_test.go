//go:build !race

package conch_test

// raceDetector is off.
const raceDetector = false
