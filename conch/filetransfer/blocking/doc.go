// Package blocking is SFTP for goroutine code: the calls of package os, with a context, over a client that a reactor runs.
//
//	files := session.Blocking()               // of a conch.SFTP; or New
//	data, err := files.ReadFile(ctx, "notes") // on any goroutine but the reactor's
//
// # Model
//
// Each call takes its request to the loop that owns the client, and waits for the answer, or for the context: when that is done the call
// returns its cause at once, and the request is cancelled. Any number of goroutines may use a [Client] at the same time; their requests go over
// the one connection side by side. On the loop itself a call would wait for ever; a reactor refuses it.
//
// A [File] is an io.Reader, Writer, ReaderAt, WriterAt, Seeker and Closer. Those methods have no context of their own: they use the one that the
// file was opened with. Reading in sequence reads ahead, up to 4 MiB; io.Copy from and to a File, and a large Write, keep many requests under way.
//
// [Client.FS] is the same as an fs.FS. Get, Put and their relatives move whole files and trees, see package transfer. [Call] is for everything else
// that the client can do.
//
// # Errors
//
// Errors are of type *fs.PathError or *os.LinkError, as those of package os; the cause is that of package filetransfer. errors.Is finds fs.ErrNotExist,
// fs.ErrExist, fs.ErrPermission and fs.ErrClosed where package os would have them, as far as the server tells; those of transfers are of package
// transfer.
package blocking
