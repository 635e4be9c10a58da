package conchtest

import (
	"bytes"
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
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// Options configures a Server. The zero value works.
type Options struct {
	User           string            // the only user; empty means "guest"
	Password       string            // empty means a random password
	AuthorizedKeys []gossh.PublicKey // the user may also log in with these
	HostKey        gossh.Signer      // nil means a new Ed25519 key

	// Dir is the directory that SFTP serves. It must exist. Empty means a
	// temporary directory, which Close removes.
	Dir string

	// NoSFTP makes the server refuse the sftp subsystem.
	NoSFTP bool

	// Forwarding allows TCP forwarding. The server dials every address that the
	// client asks for, and listens only on the loopback interface.
	Forwarding bool

	// Config, if not nil, may change the configuration before the server
	// starts.
	Config func(*gossh.ServerConfig)

	// Exec, if not nil, runs the command of an "exec" request on the channel.
	// It returns the exit status, and must return when the channel is closed.
	// Nil refuses such requests. The server calls Exec, and the functions
	// below, on its own goroutines: on one per session or connection.
	Exec func(command string, ch gossh.Channel) (status uint32)

	// Session, if not nil, is called with each request on a session channel. If
	// it returns true, it must have replied.
	Session func(ch gossh.Channel, req *gossh.Request) (handled bool)

	// Global, if not nil, is called with each global request. If it returns
	// true, it must have replied.
	Global func(conn gossh.Conn, req *gossh.Request) (handled bool)

	// Connected, if not nil, is called with each connection after its login.
	Connected func(conn gossh.Conn)
}

// Server is a running SSH server. Its fields must not be changed.
type Server struct {
	User     string          // the only user
	Password string          // the password of User
	HostKey  gossh.PublicKey // the public host key
	Dir      string          // the directory that SFTP serves
	Addr     *net.TCPAddr    // the address on which the server listens

	opts     Options
	root     *os.Root
	listener net.Listener
	config   *gossh.ServerConfig
	ctx      context.Context // done when Close is called
	end      context.CancelFunc
	work     sync.WaitGroup // all goroutines; they end when Close closes conns
	close    func() error   // runs once

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

// NewServer calls [Start], and closes the server when the test ends. If either
// fails, the test fails.
func NewServer(t testing.TB, opts Options) *Server {
	t.Helper()
	s, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Start starts a server on a free port of the loopback interface. The caller
// must call Close.
func Start(opts Options) (*Server, error) {
	s := &Server{opts: opts, User: opts.User, Password: opts.Password, Dir: opts.Dir}
	s.conns, s.close = make(map[net.Conn]struct{}), sync.OnceValue(s.shutdown)
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

// HostPort returns the host and the port of Addr.
func (s *Server) HostPort() (host string, port int) { return s.Addr.IP.String(), s.Addr.Port }

// CloseConnections closes all sockets without a message to the clients, as if
// the server had crashed. The server continues to listen.
func (s *Server) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Close stops listening, closes all connections, waits for all goroutines and
// removes a temporary directory. Later calls return the result of the first.
func (s *Server) Close() error { return s.close() }

func (s *Server) shutdown() error {
	s.end()
	err := s.listener.Close()
	s.CloseConnections()
	s.work.Wait()
	return errors.Join(err, s.root.Close(), s.removeDir())
}

// removeDir removes a temporary directory.
func (s *Server) removeDir() error {
	if s.opts.Dir != "" {
		return nil
	}
	return os.RemoveAll(s.Dir)
}

func (s *Server) checkPassword(conn gossh.ConnMetadata, password []byte) (*gossh.Permissions, error) {
	if conn.User() != s.User || subtle.ConstantTimeCompare(password, []byte(s.Password)) == 0 {
		return nil, errors.New("conchtest: wrong user or password")
	}
	return nil, nil
}

func (s *Server) checkKey(conn gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	known := slices.ContainsFunc(s.opts.AuthorizedKeys, func(k gossh.PublicKey) bool {
		return bytes.Equal(k.Marshal(), key.Marshal())
	})
	if conn.User() != s.User || !known {
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

// add makes Close and CloseConnections close c. It returns false if the server
// is closing; the caller must then close c.
func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	return s.ctx.Err() == nil
}

// remove undoes add and closes c.
func (s *Server) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	c.Close()
}

// serve serves a connection until it ends.
func (s *Server) serve(c net.Conn) {
	defer s.remove(c)
	if !s.add(c) {
		return
	}
	conn, channels, requests, err := gossh.NewServerConn(c, s.config)
	if err != nil {
		return // the client returns an error too
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
			_ = offered.Reject(gossh.UnknownChannelType, "only sessions") // fails only if the connection is lost
		default:
			if ch, requests, err := offered.Accept(); err == nil {
				s.work.Go(func() { s.session(ch, requests) })
			}
		}
	}
	_ = conn.Wait() // the client returns the error too
}
