package conchtest

import (
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// session serves a session channel. It runs at most one subsystem or command,
// and then closes the channel.
func (s *Server) session(ch gossh.Channel, requests <-chan *gossh.Request) {
	defer ch.Close()
	started := false
	for req := range requests {
		if s.opts.Session != nil && s.opts.Session(ch, req) {
			continue
		}
		run := s.program(req, ch)
		ok := run != nil && !started
		if req.WantReply {
			_ = req.Reply(ok, nil) // fails only if the connection is lost
		}
		if ok {
			started = true
			s.work.Go(func() { // ends with the channel, or when Exec returns
				run()
				ch.Close()
			})
		}
	}
}

// program returns the function that serves the request on the channel, or nil
// to refuse the request.
func (s *Server) program(req *gossh.Request, ch gossh.Channel) func() {
	var payload struct{ Name string }
	if gossh.Unmarshal(req.Payload, &payload) != nil {
		return nil
	}
	switch {
	case req.Type == "subsystem" && payload.Name == "sftp" && !s.opts.NoSFTP:
		return func() {
			server := sftp.NewRequestServer(ch, handlers(s.root))
			_ = server.Serve() // returns when the channel ends
			server.Close()
		}
	case req.Type == "exec" && s.opts.Exec != nil:
		return func() {
			status := s.opts.Exec(payload.Name, ch)
			_ = ch.CloseWrite() // fails only if the connection is lost
			_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ Status uint32 }{status}))
		}
	}
	return nil
}
