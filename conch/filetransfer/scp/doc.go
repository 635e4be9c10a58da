// Package scp is the server's side of the old scp protocol, which OpenSSH's
// "scp -O", pscp, and many programs and libraries speak. They run the command
// "scp -t PATH" on the server to upload, and "scp -f PATH" to download. A
// [Server] serves these commands without a shell and without an scp program, on
// any store of SFTP: its limits, such as those of a directory that clients cannot
// leave, hold here too.
//
//	handle := func(ctx context.Context, c *server.Command) int {
//		if !scp.IsCommand(c.Line) {
//			fmt.Fprintln(c.Stderr, "only scp and sftp are possible here")
//			return 1
//		}
//		s := &scp.Server{Files: files}
//		return s.Serve(ctx, c.Line, c.Stdin, c.Stdout, c.Stderr)
//	}
//
// # Command lines
//
// Quotes and backslashes mean what they mean to a shell. Paths of downloads may
// be patterns with *, ? and [...]; a file with the very name of the pattern comes
// first. A path that begins with ~ is expanded by the store. There are no
// variables, no braces, and no other commands.
//
// # Bounds
//
// The client is not trusted. A command has at most 64 KiB, a line of the
// protocol 4 KiB, and a tree 128 levels. A pattern looks at no more than 100,000
// names and matches at most 10,000. Data passes through one buffer of 256 KiB.
// The names in an upload cannot have slashes, and cannot be "." or "..", so
// nothing is written outside of the path of the command.
package scp
