// Package forward passes connections through an SSH connection, from either side
// of it: TCP and UNIX sockets (RFC 4254, section 7), SOCKS, and the agent.
//
//	Local    ssh -L   listens here, connects there
//	Remote   ssh -R   listens there, connects here
//	Dynamic  ssh -D   listens here as a SOCKS5 proxy, connects there
//	Dial     ssh -W   connects there, and returns the connection
//	Listen            listens there, and returns the listener
//	Agent    ssh -A   lets the peer use an agent of this side
//
// Connections are *reactor.NetConn: a net.Conn for goroutines that block, and a
// protocol for the loop (see reactor.Attach). The functions belong to the loop,
// unless their comments say otherwise.
package forward
