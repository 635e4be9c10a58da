// Package remote is the command conch without its process: an SSH client for
// shells, commands, subsystems and forwardings.
//
// A [Command] has the three standard streams, which are files: terminals, pipes
// or regular files. [New] returns the Command of the process, and [Command.Run]
// runs it:
//
//	os.Exit(remote.New().Run(os.Args[1:]))
//
// Run turns the options into lines of ssh_config and makes a plan of these and
// the files, see package login. A job then carries the plan out on a reactor:
// log in, start the forwardings, run the session, wait for forwarded
// connections to end.
//
// # Streams
//
// The standard streams are connections of the reactor (see
// reactor.Reactor.StandardIO), and each end slows the other down, so memory does
// not grow with a slow reader. A terminal is raw while a session with a terminal
// runs. The reactor restores it at the end, and before a signal ends or stops
// the process.
//
// # Exit statuses
//
// The status of the remote command. 255 if the command was ended by a signal or
// the connection failed, and for a wrong command line. 130 after Ctrl-C at a
// question.
package remote
