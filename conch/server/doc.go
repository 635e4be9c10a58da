// Package server is the server's side of SSH: it lets users log in, and gives
// them sessions, subsystems and forwarding. It mirrors the server's half of
// Twisted's twisted.conch.ssh, over golang.org/x/crypto/ssh.
//
// # The short form
//
// A [Server] does the common jobs: files over SFTP, commands, a shell or line
// protocol, forwarding. Its fields say who may log in and what users can do:
//
//	s := &server.Server{
//		Passwords: map[string]string{"ana": "secret"},
//		SFTP: func(*server.Login) (filetransfer.BlockingServer, error) {
//			return store.OpenDir("/srv/files", store.DirOptions{})
//		},
//	}
//	port, err := s.Listen(r, "127.0.0.1:2022")
//
// The rest of this comment is about the long form, which is Twisted's.
//
// # The model
//
//	socket ─▶ SSHFactory ─▶ UserAuthServer ─▶ Portal ─▶ Avatar
//	                            login          cred     ├─▶ SSHSession ─▶ Session
//	                                                    ├─▶ subsystems
//	                                                    └─▶ forwarding
//
// An [SSHFactory] is passed to any listener of a reactor. For each client it
// runs the key exchange and the login. The hooks of a [UserAuthServer] judge the
// login; the default asks a portal of package cred. A successful login yields an
// [Avatar]: what this user may do. Embed [ConchUser] and fill its tables.
//
//	portal := cred.NewPortal(realm{})
//	portal.RegisterChecker(cred.InMemory(passwords))
//	factory := &server.SSHFactory{Portal: portal, PrivateKeys: hostKeys}
//	port, err := r.ListenTCP(5022, factory, reactor.ListenOptions{})
//
// # Sessions
//
// A client opens a session for each command, shell or subsystem. [NewSession]
// puts sessions into the avatar's table of channels. A [Session] says what
// commands and shells are:
//
//   - [ProgramSession] runs real programs, as the user of this process;
//   - [HandlerSession] calls a function on a goroutine of its own;
//   - one of your own embeds [BaseSession] and connects a protocol
//     (SSHSessionProcessProtocol.ConnectProtocol) or a child process
//     (reactor.SpawnProcess).
//
// Subsystems, such as SFTP, are protocols in ConchUser.Subsystems.
//
// A client may set few environment variables, and offers its agent in vain,
// unless the fields of a session say otherwise. A program whose client goes gets
// SIGHUP.
//
// # Clients that nobody knows
//
// Until it has logged in, a client can cost little. SSHFactory limits the time,
// the attempts, and the number of connections, in all and from one source. The
// defaults are those of OpenSSH. A client that is refused is not told why. The
// log tells it, in lines in the form of OpenSSH's; see [AuthAttempt].
//
// # Clients that have logged in
//
// A client that has logged in cannot use up the process. Its sessions, channels,
// listeners, sockets, open files and unanswered requests are bounded, and output
// that it does not take waits at its source. A client that is silent, or takes
// nothing, loses the connection; see ClientAliveInterval, ChannelTimeouts and
// UnusedConnectionTimeout. [SSHFactory.Shutdown] ends a server.
//
// # Safe by default
//
// A server without further settings refuses everything that a table does not
// have, forwarding included. Sessions and requests are bounded, each by a field
// of SSHFactory with OpenSSH's default. A panic in a hook ends the connection
// that it belongs to, and no other. The options of keys, such as a forced
// command, are obeyed; see cred.Restrictions.
//
// All methods belong to the loop, unless their comments say otherwise.
package server
