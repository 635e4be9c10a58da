package main

import (
	"errors"
	"fmt"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// sftpSession is the channel. When it is open, it requests the sftp subsystem.
type sftpSession struct {
	conch.SSHChannel // the default hooks
	client           *filetransfer.FileTransferClient
	ready            deferred.Deferred[*filetransfer.FileTransferClient]
}

func (s *sftpSession) Name() string { return "session" }

func (s *sftpSession) ChannelOpen(specificData []byte) {
	say("ChannelOpen", "the server has opened %s", s)
	d := s.Conn().SendRequest(s, "subsystem", conch.NS("sftp"), true)
	d.OnValue(s.cbSFTP).OnError(s.ebSFTP)
}

func (s *sftpSession) OpenFailed(reason error) { s.ebSFTP(reason) }

func (s *sftpSession) cbSFTP(reply []byte) {
	say("SendRequest", "the server has started subsystem sftp")
	s.client = filetransfer.NewFileTransferClient()
	s.client.MakeConnection(s)
	say("MakeConnection", "SFTP version 3 offered")
	s.ready.Callback(s.client)
}

func (s *sftpSession) ebSFTP(err error) {
	if s.client == nil {
		_ = s.ready.TryErrback(fmt.Errorf("sftp subsystem: %w", err)) // the timeout may have fired ready
		s.Conn().LoseConnection()
	}
}

func (s *sftpSession) DataReceived(p []byte) { s.client.DataReceived(p) }

// ExtReceived shows the stderr of the server's sftp program.
func (s *sftpSession) ExtReceived(dataType uint32, p []byte) { say("server's stderr", "%q", p) }

func (s *sftpSession) Closed() {
	reason := s.CloseReason()
	if reason == nil {
		reason = errors.New("the server has closed the channel")
	}
	if s.client != nil {
		s.client.ConnectionLost(reason)
	}
	s.ebSFTP(reason)
}

// sftpConnection is the service. When it starts, it opens the channel.
type sftpConnection struct {
	conch.SSHConnection
	sftp deferred.Deferred[*filetransfer.FileTransferClient]
}

func (c *sftpConnection) ServiceStarted() {
	say("ServiceStarted", "ssh-connection")
	say("OpenChannel", "session")
	c.OpenChannel(&sftpSession{ready: c.sftp})
}

// sftp logs in and returns an SFTP client for user at host. Cancelling the
// Deferred ends the attempt.
func sftp(r *reactor.Reactor, user, host string, port int, options client.Options) deferred.Deferred[*filetransfer.FileTransferClient] {
	conn := &sftpConnection{}
	var connecting deferred.Deferred[struct{}]
	conn.sftp = deferred.New(func(deferred.Deferred[*filetransfer.FileTransferClient]) {
		connecting.Cancel()
		conn.LoseConnection()
	})
	auth := client.NewDefaultAuthClient(user, conn)
	connecting = client.Connect(r, host, port, options, client.VerifyHostKey, auth)
	connecting.OnError(func(err error) { _ = conn.sftp.TryErrback(err) }) // the timeout may have fired conn.sftp
	return conn.sftp
}
