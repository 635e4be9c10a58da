// Package recvline edits lines on a terminal.
package recvline
