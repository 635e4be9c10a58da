package oddserver

import (
	"crypto/ed25519"
	"net"
	"sync"
	"sync/atomic"

	gossh "golang.org/x/crypto/ssh"
)

// OpenSSHVersion is a version line of OpenSSH.
const OpenSSHVersion = "SSH-2.0-OpenSSH_9.9"

// hostKey is the key of all servers.
var hostKey = sync.OnceValues(func() (gossh.Signer, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(private)
})

// HostKey returns the host key of all servers.
func HostKey() (gossh.PublicKey, error) {
	key, err := hostKey()
	if err != nil {
		return nil, err
	}
	return key.PublicKey(), nil
}

// ServeSSH serves an SSH connection until it ends. It lets every user in. Each
// session channel can have an SFTP session. version is the version line; empty
// means that of golang.org/x/crypto/ssh.
func (s *Server) ServeSSH(c net.Conn, version string) error {
	defer c.Close()
	key, err := hostKey()
	if err != nil {
		return err
	}
	config := &gossh.ServerConfig{NoClientAuth: true, ServerVersion: version}
	config.AddHostKey(key)
	_, channels, requests, err := gossh.NewServerConn(c, config)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer c.Close()
	work.Go(func() { gossh.DiscardRequests(requests) }) // ends with the connection
	var opened atomic.Int32
	for offered := range channels {
		switch second := s.second(); {
		case opened.Add(1) == 1, second == Granted:
			work.Go(func() { s.channel(c, offered) }) // ends with the channel
		case second == Refused:
			_ = offered.Reject(gossh.Prohibited, "no more sessions") // fails only if the connection is lost
		case second == Dropped:
			c.Close()
		}
	}
	return nil
}

func (s *Server) second() Second {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.odd.Second
}

// channel serves a session channel.
func (s *Server) channel(c net.Conn, offered gossh.NewChannel) {
	if offered.ChannelType() != "session" {
		_ = offered.Reject(gossh.UnknownChannelType, "only sessions") // fails only if the connection is lost
		return
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		return
	}
	var session sync.WaitGroup
	defer session.Wait()
	for r := range requests {
		ok := r.Type == "subsystem"
		if r.WantReply {
			_ = r.Reply(ok, nil) // fails only if the connection is lost
		}
		if ok {
			session.Go(func() { _ = s.serve(ch, func() { c.Close() }) }) // the client reports errors
		}
	}
}
