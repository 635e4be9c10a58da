// Package transfer moves whole files and trees over SFTP: fast, resumable, and with bounded memory.
//
//	s := transfer.NewSession(client, r) // r is the reactor; conch.OpenSFTP makes one by itself
//	d := s.Get("/srv/data", "data", transfer.Options{Preserve: true, Progress: show})
//
// # What it does
//
// [Session.Get] and [Session.Put] move a file, or a directory with everything in it; GetTo and PutFrom move one file to a writer or from a
// reader. The target is what the second path says, not something inside of it. Each returns a Deferred; cancelling it stops the transfer, and
// leaves what has come so far in a state from which Options.Resume goes on.
//
// # Concurrency
//
// A Session and its transfers belong to the goroutine that owns the client, the reactor's; every callback runs there. The local disk, and the
// reader or writer of PutFrom and GetTo, are used on the reactor's threads: one thread at a time for each file.
//
// # How it decides
//
// Files are moved in chunks of 255 KiB, or what the server allows. A file of one chunk costs three requests, and up to Options.Concurrency
// files are under way at a time. A larger one keeps several chunks under way, more than the window of an SSH channel holds.
//
// That window, 2 MiB, is what one channel can carry in a round trip. Where the round trip is long, more than [DefaultStripeFrom], a large file, or
// many files, are spread over up to Session.MaxLanes channels of the same connection; they are opened when a transfer needs them and closed
// when none has needed them for LaneLinger. A server that grants fewer channels is content with fewer.
//
// # Memory
//
// File data is held in buffers of a [filetransfer.Arena], by default that of the process: however many transfers there are, they hold
// 32 MiB at most. Directories are read as they are worked on; what is kept of a tree are the directories that have not been listed yet.
//
// # A server that cannot be trusted
//
// Names that a server lists are taken only if they are names: not empty, not "." or "..", without separators. A tree is written through an
// os.Root, so that nothing outside of the target directory can be written, not through symbolic links either; a link that may lead out of it is
// not made. A file that ends before the size that was announced is an error; a directory that does not end, or lies too deep, as well. The names
// that are kept of a tree take 512 MiB at most.
package transfer
