// Package filetransfer is an asynchronous client and server of SFTP version 3
// (draft-ietf-secsh-filexfer-02). It is twisted.conch.ssh.filetransfer for Go.
// Package conch/sftp opens sessions and transfers whole files and directories.
// Package filetransfer/store has files to serve.
//
// # The client
//
// A [FileTransferClient] starts no goroutine and does not read. The owner of a
// connection, usually an SSH channel, passes received bytes to DataReceived, in
// chunks of any size, and calls ConnectionLost when the connection ends.
// Requests are written to a [Transport]. Each operation returns a Deferred that
// fires when the server answers. Any number of requests can be in flight, and
// the server can answer them in any order:
//
//	client := filetransfer.NewFileTransferClient()
//	client.MakeConnection(channel)
//	d := client.MakeDirectory("foobarbaz", filetransfer.Attrs{})
//	d.AddCallbacks(made, failed)
//
// # The server
//
// A [FileTransferServer] is the protocol of a session. It passes the requests of
// the client to an [SFTPServer], whose methods answer with Deferreds. Code that
// blocks is a [BlockingServer], and [InThreads] runs it in threads:
//
//	server := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, files))
//
// The answers are those of OpenSSH's sftp-server: codes, texts, long names and
// extensions. [StatusOf] tells which error becomes which code. Embed
// [BaseSFTPServer] and [BaseSFTPFile] in servers and files of your own.
//
// # Goroutines
//
// A client, its files and its directories belong to one goroutine, usually the
// goroutine of a reactor. Callbacks run on it. So does a server. Nothing has a
// lock.
//
// # Errors of the client
//
// A failed operation returns an [*OpError], which names the operation and the
// path. It wraps a [*StatusError] if the server refused the request: errors.Is
// finds fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, io.EOF and
// errors.ErrUnsupported. It wraps a [*ConnectionLostError] if no answer came.
//
// A server that violates the protocol ends the connection. All requests in
// flight then fail with a ConnectionLostError that wraps a [*ProtocolError],
// and the client closes the transport. Bytes after the last field of a reply
// are ignored, and requests from the server too.
//
// # Cancelling
//
// A cancelled Deferred fails at once, but the server may still carry out the
// request. Its id stays in use until the answer arrives, which is dropped; a
// file or directory that it opens is closed. If more than 65,536 cancelled
// requests wait for an answer, the client closes the connection.
//
// # Bounds of the client
//
// A packet from the server has at most 257 KiB. The results that are decoded
// from a packet need at most a small multiple of that. A handle has at most 256
// bytes. A whole directory needs at most
// [FileTransferClient.MaxDirectorySize] bytes of memory.
package filetransfer
