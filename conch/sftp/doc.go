// Package sftp opens SFTP sessions over SSH. [Open] logs in to a server and opens
// a session in one call:
//
//	session := sftp.Open(r, "me@example.org", sftp.Options{})
//	type report = deferred.Deferred[transfer.Report]
//	deferred.ThenDeferred(session, func(s *sftp.Client) report {
//		return s.Get("remote", "local", transfer.Options{})
//	})
//
// [OpenOn] opens a session on an SSH connection that exists. A [Client] has the
// single operations of package filetransfer (GetAttrs, MakeDirectory, …), the
// transfers of package transfer (Get, Put), and, with Blocking, calls for
// goroutines that block.
//
// Everything belongs to the loop of the reactor, unless a comment says otherwise.
package sftp
