package conchtest

import (
	"io"
	"net"
	"strconv"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// hostPort is the data of a request to listen (RFC 4254, section 7.1).
type hostPort struct {
	Host string
	Port uint32
}

// endpoints is the data of a forwarding channel (RFC 4254, section 7.2).
type endpoints struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// direct serves a direct-tcpip channel: a connection to an address that the
// client chooses.
func (s *Server) direct(offered gossh.NewChannel) {
	var to endpoints
	if gossh.Unmarshal(offered.ExtraData(), &to) != nil {
		_ = offered.Reject(gossh.ConnectionFailed, "malformed") // fails only if the connection is lost
		return
	}
	c, err := new(net.Dialer).DialContext(s.ctx, "tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = offered.Reject(gossh.ConnectionFailed, "connect failed")
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

// join copies data in both directions until both have ended, then closes both.
func (s *Server) join(ch gossh.Channel, c *net.TCPConn) {
	defer ch.Close()
	defer s.remove(c)
	if !s.add(c) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { // ends with the channel
		_, _ = io.Copy(c, ch)
		_ = c.CloseWrite() // fails only if the connection is lost
	})
	_, _ = io.Copy(ch, c)
	_ = ch.CloseWrite()
	back.Wait()
}

// forwards has the listeners that one client asked for.
type forwards struct {
	s         *Server
	conn      gossh.Conn
	listeners map[string]net.Listener
}

// serve answers the global requests of the connection until it ends, then
// closes the listeners.
func (f *forwards) serve(requests <-chan *gossh.Request) {
	for req := range requests {
		if f.s.opts.Global != nil && f.s.opts.Global(f.conn, req) {
			continue
		}
		ok, reply := f.answer(req)
		if req.WantReply {
			_ = req.Reply(ok, reply) // fails only if the connection is lost
		}
	}
	for _, l := range f.listeners {
		l.Close()
	}
}

// answer performs a request and returns its reply.
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

// listen opens a listener. If the client chose no port, the reply is the port.
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
	f.s.work.Go(func() { f.accept(l, at) }) // ends when serve closes l
	return true, reply
}

// accept forwards the connections of l until l is closed.
func (f *forwards) accept(l net.Listener, at hostPort) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		from := c.RemoteAddr().(*net.TCPAddr)
		data := endpoints{at.Host, at.Port, from.IP.String(), uint32(from.Port)}
		f.s.work.Go(func() { f.open(c.(*net.TCPConn), data) }) // ends with c
	}
}

// open forwards c to the client.
func (f *forwards) open(c *net.TCPConn, data endpoints) {
	ch, requests, err := f.conn.OpenChannel("forwarded-tcpip", gossh.Marshal(data))
	if err != nil {
		c.Close()
		return
	}
	f.s.work.Go(func() { gossh.DiscardRequests(requests) })
	f.s.join(ch, c)
}
