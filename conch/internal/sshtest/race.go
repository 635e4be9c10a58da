//go:build race

package sshtest

// RaceDetector is on: everything takes ten times as long.
const RaceDetector = true
