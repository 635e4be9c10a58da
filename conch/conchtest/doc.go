// Package conchtest has SSH and SFTP servers for tests and demonstrations.
//
// A [Server] runs in this process. It listens on a free port of the loopback
// interface, has a new host key and one user, and serves the files of one
// directory:
//
//	s := conchtest.NewServer(t, conchtest.Options{})
//	host, port := s.HostPort()
//	// log in as s.User with s.Password; the host key is s.HostKey
//
// Clients cannot reach files outside s.Dir, not even with "..", absolute paths
// or symbolic links.
//
// A Server consists of golang.org/x/crypto/ssh, github.com/pkg/sftp and an
// os.Root. It shares no code with package conch, so a test of one against the
// other finds the mistakes of both. It needs no reactor.
//
// An [OpenSSH] is a real sshd for one test. It needs OpenSSH on the machine,
// and runs commands as the user of the test.
//
// Any goroutine may call the functions and methods, except for the rules of
// testing.TB.
package conchtest
