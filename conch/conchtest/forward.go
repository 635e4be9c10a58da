package conchtest

import (
	"io"
	"net"
	"strconv"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// hostPort is half of the data of the forwarding channels (RFC 4254, section 7).
type hostPort struct {
	Host string
	Port uint32
}

// ends is the data of the forwarding channels.
type ends struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// direct connects a direct-tcpip channel.
func (s *Server) direct(offered gossh.NewChannel) {
	var to ends
	if gossh.Unmarshal(offered.ExtraData(), &to) != nil {
		_ = offered.Reject(gossh.ConnectionFailed, "malformed") // a lost connection needs no answer
		return
	}
	c, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = offered.Reject(gossh.ConnectionFailed, "connect failed") // likewise
		return
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		c.Close()
		return
	}
	s.work.Go(func() { gossh.DiscardRequests(requests) })
	s.join(ch, c.(*net.TCPConn))
}

// join carries bytes both ways, each until its end.
func (s *Server) join(ch gossh.Channel, c *net.TCPConn) {
	if !s.hold(c) {
		ch.Close()
	}
	defer s.release(c)
	var back sync.WaitGroup
	back.Go(func() { // ends with the channel, or with Close
		_, _ = io.Copy(c, ch)
		_ = c.CloseWrite() // it may be gone
	})
	_, _ = io.Copy(ch, c)
	_ = ch.CloseWrite() // likewise
	back.Wait()
	ch.Close()
}

// forwards is what one connection has had the server listen on.
type forwards struct {
	s         *Server
	conn      gossh.Conn
	listeners map[string]net.Listener
}

// serve answers the global requests of the connection.
func (f *forwards) serve(requests <-chan *gossh.Request) {
	for req := range requests {
		if f.s.opts.Global != nil && f.s.opts.Global(f.conn, req) {
			continue
		}
		ok, reply := f.answer(req)
		if req.WantReply {
			_ = req.Reply(ok, reply) // if the connection is lost the loop ends
		}
	}
	for _, l := range f.listeners {
		l.Close()
	}
}

func (f *forwards) answer(req *gossh.Request) (ok bool, reply []byte) {
	var at hostPort
	if !f.s.opts.Forwarding || gossh.Unmarshal(req.Payload, &at) != nil {
		return false, nil
	}
	key := net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	switch req.Type {
	case "tcpip-forward":
		return f.listen(at)
	case "cancel-tcpip-forward":
		l, ok := f.listeners[key]
		if ok {
			l.Close()
			delete(f.listeners, key)
		}
		return ok, nil
	}
	return false, nil
}

func (f *forwards) listen(at hostPort) (ok bool, reply []byte) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(int(at.Port)))
	if err != nil {
		return false, nil
	}
	if at.Port == 0 {
		at.Port = uint32(l.Addr().(*net.TCPAddr).Port)
		reply = gossh.Marshal(struct{ Port uint32 }{at.Port})
	}
	f.listeners[net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))] = l
	f.s.work.Go(func() { f.accept(l, at) }) // ends with the listener, which ends with the connection
	return true, reply
}

func (f *forwards) accept(l net.Listener, at hostPort) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		from := c.RemoteAddr().(*net.TCPAddr)
		f.s.work.Go(func() { f.open(c.(*net.TCPConn), ends{at.Host, at.Port, from.IP.String(), uint32(from.Port)}) })
	}
}

// open takes one connection to the client.
func (f *forwards) open(c *net.TCPConn, data ends) {
	ch, requests, err := f.conn.OpenChannel("forwarded-tcpip", gossh.Marshal(data))
	if err != nil {
		c.Close()
		return
	}
	f.s.work.Go(func() { gossh.DiscardRequests(requests) })
	f.s.join(ch, c)
}
