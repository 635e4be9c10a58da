package conchtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// Options configures a Server. The zero value works.
type Options struct {
	User           string            // who may log in; empty means "guest"
	Password       string            // the user's password; empty means a random one
	AuthorizedKeys []gossh.PublicKey // keys that the user may log in with as well
	Dir            string            // the directory to serve; empty means a temporary one, which Close removes
	HostKey        gossh.Signer      // nil means a fresh Ed25519 key
	NoSFTP         bool              // refuse the sftp subsystem

	Forwarding bool // forward TCP connections, both ways, on the loopback interface

	// Config, if it is set, changes the configuration before the server starts, for instance its methods of authentication.
	Config func(*gossh.ServerConfig)
	// Session, if it is set, sees each request on a session channel first. handled says that it has replied.
	Session func(ch gossh.Channel, req *gossh.Request) (handled bool)
	// Global, if it is set, sees each global request first, likewise.
	Global func(conn gossh.Conn, req *gossh.Request) (handled bool)
	// Connected, if it is set, is called with each connection that has logged in.
	Connected func(conn gossh.Conn)

	// Exec answers "exec" requests: it runs command on the channel and returns the exit status. Nil refuses them.
	Exec func(command string, ch gossh.Channel) (status uint32)
}

// Server is a running server.
type Server struct {
	User, Password string
	HostKey        gossh.PublicKey
	Dir            string // the directory that is served
	Addr           *net.TCPAddr

	opts     Options
	root     *os.Root
	listener net.Listener
	config   *gossh.ServerConfig
	ctx      context.Context // ends with Close
	end      context.CancelFunc
	work     sync.WaitGroup // every goroutine; they end with their connections, which Close closes

	mu    sync.Mutex // guards conns and total
	conns map[net.Conn]struct{}
	total int
}

// TB is the part of testing.TB that NewServer uses.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// NewServer starts a server that is closed when the test ends.
func NewServer(t TB, opts Options) *Server {
	t.Helper()
	s, err := Start(opts)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatalf("%v", err)
		}
	})
	return s
}

// Start starts a server on a free port of the loopback interface. Close ends it.
func Start(opts Options) (*Server, error) {
	s := &Server{opts: opts, User: opts.User, Password: opts.Password, Dir: opts.Dir, conns: make(map[net.Conn]struct{})}
	if s.User == "" {
		s.User = "guest"
	}
	if s.Password == "" {
		s.Password = rand.Text()
	}
	if err := s.configure(); err != nil {
		return nil, fmt.Errorf("conchtest: %w", err)
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("conchtest: %w", errors.Join(err, s.removeDir()))
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.work.Go(s.accept)
	return s, nil
}

func (s *Server) configure() error {
	key := s.opts.HostKey
	if key == nil {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		if key, err = gossh.NewSignerFromKey(private); err != nil {
			return err
		}
	}
	s.HostKey = key.PublicKey()
	s.config = &gossh.ServerConfig{PasswordCallback: s.checkPassword, PublicKeyCallback: s.checkKey}
	s.config.AddHostKey(key)
	if s.opts.Config != nil {
		s.opts.Config(s.config)
	}
	return nil
}

func (s *Server) listen() (err error) {
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "conchtest-"); err != nil {
			return err
		}
	}
	if s.root, err = os.OpenRoot(s.Dir); err != nil {
		return err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return errors.Join(err, s.root.Close())
	}
	s.Addr = s.listener.Addr().(*net.TCPAddr)
	return nil
}

// HostPort returns where the server listens, in the form that conch.Connect takes.
func (s *Server) HostPort() (host string, port int) { return s.Addr.IP.String(), s.Addr.Port }

// Connections returns how many connections have been accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// CloseConnections cuts all connections, as a server does that dies.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Close stops listening, cuts all connections, waits for all goroutines and removes the directory if it is a temporary one.
func (s *Server) Close() error {
	s.end()
	err := s.listener.Close()
	s.CloseConnections()
	s.work.Wait()
	return errors.Join(err, s.root.Close(), s.removeDir())
}

func (s *Server) removeDir() error {
	if s.opts.Dir != "" {
		return nil
	}
	return os.RemoveAll(s.Dir)
}

func (s *Server) checkPassword(who gossh.ConnMetadata, password []byte) (*gossh.Permissions, error) {
	if who.User() != s.User || subtle.ConstantTimeCompare(password, []byte(s.Password)) == 0 {
		return nil, errors.New("conchtest: wrong user or password")
	}
	return nil, nil
}

func (s *Server) checkKey(who gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	known := slices.ContainsFunc(s.opts.AuthorizedKeys, func(k gossh.PublicKey) bool { return string(k.Marshal()) == string(key.Marshal()) })
	if who.User() != s.User || !known {
		return nil, errors.New("conchtest: wrong user or key")
	}
	return nil, nil
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.work.Go(func() { s.serve(c) })
	}
}

// hold notes the connection for Close. It reports false if the server is closing.
func (s *Server) hold(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	s.total++
	return s.ctx.Err() == nil
}

func (s *Server) release(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	c.Close()
}

func (s *Server) serve(c net.Conn) {
	defer s.release(c)
	if !s.hold(c) {
		return
	}
	conn, channels, requests, err := gossh.NewServerConn(c, s.config)
	if err != nil {
		return // the client knows
	}
	if s.opts.Connected != nil {
		s.opts.Connected(conn)
	}
	f := &forwards{s: s, conn: conn, listeners: make(map[string]net.Listener)}
	s.work.Go(func() { f.serve(requests) })
	for offered := range channels {
		switch kind := offered.ChannelType(); {
		case kind == "direct-tcpip" && s.opts.Forwarding:
			s.work.Go(func() { s.direct(offered) })
		case kind != "session":
			_ = offered.Reject(gossh.UnknownChannelType, "only sessions") // a lost connection needs no answer
		default:
			if ch, requests, err := offered.Accept(); err == nil {
				s.work.Go(func() { s.session(ch, requests) })
			}
		}
	}
	_ = conn.Wait() // why it ended is the client's affair
}
