// Package login is the part that the commands conch and cftp share: the options
// of ssh for logging in, and the errors of a connection for the user.
//
// [Options] returns the options for the command's table. [New] makes a
// [client.Target] from the command line and the files of ssh_config:
//
//	table := getopt.Table{Options: login.Options("p", ""), Operands: 1}
//	line, err := table.Parse(os.Args[1:])
//	l, err := login.New(&line, line.Operands[0])
//	l.Target.Connect(r, conn)
//
// Each option stands for a line of ssh_config, and these lines come before the
// files. So the command line and the files have the same meaning, and
// [Login.Value] returns the result for keywords that are the command's own
// business, such as RequestTTY.
//
// The long names are those of Twisted's conch. Where a letter of ssh means
// something else in Twisted, the letter has ssh's meaning and the long name
// Twisted's: -a does not forward the agent, --noagent does not use one.
package login
