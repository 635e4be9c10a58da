// Package sftp uploads and downloads files over SFTP, and works with files on a
// server as package os does with local ones. Its transfers are right at every
// server, fast over long round trips, resumable, and bounded in memory.
//
// # Sessions
//
// A program whose goroutines block calls [Dial]:
//
//	files, err := sftp.Dial(ctx, "me@example.org", sftp.OpenOptions{})
//	file, err := files.Open(ctx, "notes.txt")
//	_, err = io.Copy(os.Stdout, file)
//	err = files.Close()
//
// [Files] has the calls of package os, an [io/fs.FS], and the transfers. Its
// methods, and those of a [File], may be called from any goroutine but the loop.
//
// A program in Twisted's style calls [Open] on the loop of its reactor:
//
//	sftp.Open(r, "me@example.org", sftp.OpenOptions{}).OnValue(func(s *sftp.Client) {
//		s.Get("remote", "local", sftp.Options{Preserve: true}).OnResult(…)
//	})
//
// A [Client] has the single operations of package filetransfer, such as
// GetAttrs and MakeDirectory, and the transfers. Its methods belong to the loop,
// and so do the callbacks in Options. Files.Client and Client.Files lead from one
// to the other. [OpenOn] opens a session on an SSH connection that exists, and
// [New] makes one without SSH.
//
// # Transfers
//
// Get and Put transfer a file or a tree, GetTo and PutFrom one file to a writer or
// from a reader, GetGlob and PutGlob all that match a pattern. The second path is
// the target itself. A transfer that reports success has the right content, at
// every server:
//
//   - Requests that depend on each other wait for each other. A file is closed
//     when every write is confirmed, and renamed when it is closed.
//   - Sizes are used for planning. A file ends where reading it ends.
//   - The fast ways are used only at a server that is known to bear them; see
//     below. If a server refuses one, the transfer takes the slow way.
//   - [Options] that the server cannot honour are errors.
//
// A file under its own name is whole. With Options.Resume or Options.Atomic the
// content goes to a partial file beside the target, which is renamed when it is
// whole. The name of a partial file has a hash of the source's path, size and
// modification time, so Resume continues only a copy of that very version.
// Cancelling a Deferred or a context keeps the partial file. Options.Continue
// continues a target in place instead, as other clients do.
//
// # Speed
//
// A transfer keeps several files, and many requests for a large file, in flight.
// A channel of an SSH connection carries 2 MiB in a round trip. When the round
// trip is 4 ms or longer, large files and sets of files are striped over up to
// eight channels of the connection. OpenOptions.Connections allows further
// connections, each with eight channels. Channels are opened when a transfer
// wants them, and closed after 15 seconds without use.
//
// Further channels, and a second handle for writing a file, are used at OpenSSH's
// server only: its SSH version line begins with SSH-2.0-OpenSSH and it has the
// extensions of OpenSSH. At another server Options.Channels allows further
// channels for downloads. A server that grants fewer channels gets fewer.
//
// # Bounds
//
// The data of all transfers of the process takes at most 32 MiB of buffers, and
// 512 KiB more for each transfer. Everything else that a server can make grow,
// such as the names in a tree or a directory, is bounded by 64 MiB. Trees are at
// most [MaxDepth] deep.
//
// An opening is bounded by client.Options.Timeout. A call of Files ends when its
// context is done, also if the server is silent. Options.StallTimeout ends a
// transfer in which nothing moves.
//
// # Errors
//
// Open and Dial fail with a [*client.ConnectError], which names the phase.
// Transfers fail with a [*FileError], or with a [*TreeError] if some of many files
// failed. Calls of Files fail with the errors of package os; errors.Is finds
// fs.ErrNotExist, fs.ErrExist and fs.ErrPermission. After Close, everything fails
// with [ErrClosed]. A lost connection matches conch.ErrConnectionLost.
//
// # Untrusted servers
//
// Names in a server's directory that are empty, "." or "..", or contain
// separators, are not used. Trees are written through an os.Root, so nothing
// outside the target is written, not even by way of a symbolic link. Links that
// may lead outside are not made.
package sftp
