package conchtest

import (
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// session serves one session channel: one subsystem or command, then the channel is closed.
func (s *Server) session(ch gossh.Channel, requests <-chan *gossh.Request) {
	defer ch.Close()
	busy := false
	for req := range requests {
		if s.opts.Session != nil && s.opts.Session(ch, req) {
			continue
		}
		run := s.program(req, ch)
		ok := run != nil && !busy
		if req.WantReply {
			_ = req.Reply(ok, nil) // if the connection is lost the loop ends
		}
		if ok {
			busy = true
			s.work.Go(func() {
				run()
				ch.Close()
			})
		}
	}
}

// program returns what the request asks to run on the channel, or nil to refuse it.
func (s *Server) program(req *gossh.Request, ch gossh.Channel) func() {
	var what struct{ Name string }
	if gossh.Unmarshal(req.Payload, &what) != nil {
		return nil
	}
	switch {
	case req.Type == "subsystem" && what.Name == "sftp" && !s.opts.NoSFTP:
		return func() {
			server := sftp.NewRequestServer(ch, handlers(s.root))
			_ = server.Serve() // it ends with the channel
			server.Close()
		}
	case req.Type == "exec" && s.opts.Exec != nil:
		return func() {
			status := s.opts.Exec(what.Name, ch)
			_ = ch.CloseWrite() // the client may be gone
			_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ Status uint32 }{status}))
		}
	}
	return nil
}
