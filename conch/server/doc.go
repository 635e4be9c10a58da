// Package server is the server's side of SSH. It is Twisted's
// twisted.conch.ssh.factory, the server's half of twisted.conch.ssh.userauth and
// twisted.conch.avatar.
//
//	portal := cred.NewPortal(realm{}, cred.NewSSHPublicKeyChecker(keys))
//	factory := &server.SSHFactory{Portal: portal, PrivateKeys: hostKeys}
//	port, err := r.ListenTCP(5022, factory, reactor.ListenOptions{})
//
// # The model
//
//	client ─▶ SSHFactory ─▶ SSHServerTransport ─▶ UserAuthServer ─▶ cred.Portal
//	                                                   │ the avatar
//	                        SSHConnection ◀────────────┘
//
// An [SSHFactory] serves the connections of a port. A [UserAuthServer] decides
// who logs in, usually with a portal, whose realm makes an [Avatar]: the user,
// who answers to the channels and requests of the client. All of this runs on
// the loop, and may answer later.
//
// # Clients that nobody knows
//
// Until it has logged in, a client can cost little. SSHFactory limits the time,
// the attempts, and the number of connections, in all and from one source. The
// defaults are those of OpenSSH. A client that is refused is not told why. The
// log tells it, in lines in the form of OpenSSH's; see [AuthAttempt].
package server
