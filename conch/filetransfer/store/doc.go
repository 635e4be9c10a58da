// Package store has the usual answers to the requests of SFTP clients: servers
// for package filetransfer.
//
//   - [Dir] is a directory of the host that clients cannot leave.
//   - [FS] is any fs.FS, read-only.
//   - [Memory] is a tree of files in memory.
//   - [Handlers] are the Handlers of github.com/pkg/sftp, which other packages
//     implement.
//
// Each is a filetransfer.BlockingServer, or makes one for each session.
// filetransfer.InThreads runs it in threads of the reactor:
//
//	dir, err := store.OpenDir("/srv/files", store.DirOptions{})
//	server := filetransfer.NewFileTransferServer(r, filetransfer.InThreads(r, dir))
//
// The paths of clients begin at "/", the top of the store. Relative paths begin
// at the start directory, usually the top.
package store
