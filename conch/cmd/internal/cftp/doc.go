// Package cftp is the command cftp: an SFTP client with the commands of Twisted's
// cftp and of OpenSSH's sftp.
//
// A [Shell] runs command lines on an SFTP session, and completes names. It needs
// no terminal. Two things give it lines:
//
//   - A [Batch] reads them from a file, a pipe or a program.
//   - [User.Interact] reads them from a terminal, with a history and completion,
//     draws the progress of transfers, and stops a command at Ctrl-C.
//
// [Program] has the options of the command line. It logs in with package login,
// and runs one of the two.
//
// A command is an entry of a table: its name, its flags, the meaning of its
// arguments, and the function that runs it. Completion, help and the checks of
// arguments use the same table. A command that only reads at the server says so
// there; a batch lets it run ahead of its turn.
//
// The messages of errors are those of sftp, with the code and the message of the
// server behind them. Names of the server are printed by package text.
package cftp
