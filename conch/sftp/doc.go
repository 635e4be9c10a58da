// Package sftp opens SFTP sessions over SSH: [Open] connects to a server and
// returns a session; [OpenOn] uses a connection that exists. The session has
// single operations, whole transfers, and blocking calls for other goroutines.
package sftp
