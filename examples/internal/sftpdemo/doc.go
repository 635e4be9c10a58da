// Package sftpdemo is the common part of the SFTP examples. It parses the
// command line, connects, handles Ctrl-C and prints an error as one line. If
// the command line names no server, it starts one inside the process.
package sftpdemo
