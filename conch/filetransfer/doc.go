// Package filetransfer is an asynchronous client of SFTP version 3, draft-ietf-secsh-filexfer-02, that runs over anything that carries bytes:
// an SSH channel as a rule, a pipe or a socket as well.
//
// # Model
//
// A [FileTransferClient] starts no goroutine and reads nothing itself. Bytes come in through DataReceived, cut in any way; requests go out
// through a [Transport]; each operation returns a Deferred that fires when the server's answer arrives. Any number of requests may be
// outstanding, and their answers may come in any order:
//
//	client := filetransfer.NewFileTransferClient()
//	client.MakeConnection(channel) // says hello; requests may follow at once
//	d := client.MakeDirectory("foobarbaz", filetransfer.Attrs{})
//	d.AddCallbacks(made, failed)
//
// The owner of the transport wires the other two ends: what arrives goes to DataReceived, and when the connection has ended, ConnectionLost is
// called. Without the second, requests that are outstanding then never end.
//
// # Concurrency
//
// A client, its files and its directories belong to one goroutine, the reactor's: every method is called there, and every callback runs there.
// Nothing here holds a lock.
//
// # Errors
//
// A failed operation gives an [*OpError], which names operation and path. Its cause is a [*StatusError] if the server refused; errors.Is
// finds fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, io.EOF and errors.ErrUnsupported in it. If no answer came it is a [*ConnectionLostError].
//
// A server that breaks the protocol (a reply to no request, of a type that does not answer it, malformed, or too long) ends the connection:
// every outstanding request fails with a ConnectionLostError that wraps a [*ProtocolError], and the transport is closed. Bytes after the
// last field of a reply are ignored, and so are requests that a server sends to the client by mistake.
//
// # Cancelling
//
// Cancelling a Deferred gives the request up on this side only: the server may carry it out all the same. The request's id stays taken until
// the late answer comes, which is dropped; if it opened a file or a directory, that is closed again. At most [MaxAbandoned] requests may be
// waited for like this; one more, and the server is taken to be out of order and the connection is closed.
//
// # Bounds
//
// A packet from the server is at most 256 KiB and 1 KiB long, and so at most are, apart from a small factor for Go's own headers, the entries,
// attributes and extensions that are decoded from it. A handle has at most 256 bytes (draft section 6.2).
package filetransfer
