// Package keygen is the command ckeygen without its process: it makes, shows,
// changes and converts files of SSH keys.
//
// A [Command] has the three standard streams and a function that asks for a
// passphrase. [New] returns the Command of the process, which asks on the
// terminal. A test makes its own:
//
//	c := keygen.Command{Stdin: in, Stdout: &out, Stderr: &errs, Secret: ask}
//	status := c.Run([]string{"-t", "ed25519", "-f", path})
//
// [Command.Run] reads the options, then runs one action: make a key pair, or
// one of -l, -p, -y, -e and -i. All questions come before the first file is
// written, so a question that is not answered leaves no file behind.
//
// # Files
//
// A file is written under another name in the same directory, flushed, and then
// renamed. So it appears with all its content or not at all, and a private key
// is never readable by others, not even for a moment. A private key is read
// back and compared before it gets its name.
//
// # Exit statuses
//
// They are those of ssh-keygen: 0 for success, 1 for a wrong command line, a
// refused overwrite and a file that cannot be written, 255 for other errors. A
// process that is interrupted dies by the signal, or returns 130.
//
// # Bounds
//
// A line of input has at most 4096 bytes, a file to read at most 64 MiB, and a
// file with one key 1 MiB.
package keygen
