//go:build unix && !linux

package store_test

const runsStatVFS = false
