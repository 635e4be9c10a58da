// Package sftpdemo is what the SFTP examples have in common: a command line, a server inside the process where none is named, the connection,
// Ctrl-C, and one line for a failure.
package sftpdemo
