// Package cftp is the command cftp without its terminal: the commands that a
// user types, batch files, completion, and the text of progress.
//
// A [Shell] runs command lines on an SFTP session. The interactive side reads
// the lines from a terminal and the batch reads them from a file; both call
// [Shell.Run].
package cftp
