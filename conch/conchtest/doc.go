// Package conchtest is an SSH server with SFTP for tests and demonstrations: inside the process, on the loopback interface, on a free port,
// with a fresh host key, one user, and a directory that nothing outside of can be reached from.
//
//	s := conchtest.NewServer(t, conchtest.Options{})
//	host, port := s.HostPort()
//	// connect as s.User with s.Password; the host key is s.HostKey; the files are in s.Dir
//
// The server is golang.org/x/crypto/ssh and github.com/pkg/sftp over an os.Root. It shares no code with package conch, so each checks the
// other. It works with goroutines, not with a reactor: all methods may be called from any goroutine.
package conchtest
