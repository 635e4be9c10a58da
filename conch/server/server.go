package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/keys"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// Server is an SSH server for the common jobs. Its fields say who may log in and
// what users can do; everything else is an SSHFactory. Call Listen.
//
// Set the fields before the first Listen. A Server belongs to one reactor. Its
// methods belong to the loop, or are called before Run. A Server is a
// reactor.Factory too, for listeners of other kinds; StartFactory panics if the
// fields are wrong.
//
// A user who asks for something that the server does not have gets a line that
// says what the server has, and the exit status 1.
type Server struct {
	// SSHFactory has the limits, the algorithms and all other settings. The
	// Server makes its Portal.
	SSHFactory

	// HostKeyDir is the directory with the host key, see MakeHostKeys. The key
	// is made at the first start. If HostKeyDir and PrivateKeys are empty, a key
	// is made for this run. Clients then warn after a restart, so this is
	// logged.
	HostKeyDir string

	// Passwords has the password of each user, in clear text. Clients may use
	// the methods password and keyboard-interactive.
	Passwords map[string]string

	// AuthorizedKeys has the keys of each user, as a file authorized_keys has
	// them: a line for each key, whose options are obeyed.
	AuthorizedKeys map[string]string

	// Checkers judge logins too, for instance with files or a database. A login
	// needs one of Passwords, AuthorizedKeys and Checkers, unless
	// AuthenticationMethods demands several methods.
	Checkers []cred.Checker

	// SFTP returns the files of a user, for one SFTP session. It runs in a
	// thread, so it may block. Without Handle and Session, the files are for
	// "scp -O" too.
	SFTP func(*Login) (filetransfer.BlockingServer, error)

	// ReadOnly lets SFTP clients change nothing. LogFiles logs what they do,
	// see FileTransferServer.LogOperations; of "scp -O" it logs the command.
	ReadOnly, LogFiles bool

	// Handle serves each command, on a goroutine of its own, and returns the
	// exit status. With HandleShells it serves shells too, and clients may have
	// a terminal. See HandlerSession.
	Handle       func(ctx context.Context, c *Command) (status int)
	HandleShells bool

	// Shell returns the protocol of a shell. It receives lines that end with
	// "\n". If the client has a terminal, the server echoes and edits each line
	// before, and sends "\r\n" for each "\n" that the protocol writes. A line
	// has at most 4 KiB. Ctrl-D and Ctrl-C end the shell.
	Shell func(*Login) reactor.Protocol

	// Session returns a session of your own, such as a ProgramSession, instead
	// of Handle and Shell.
	Session func(*Login) Session

	// Forwarding is what users may forward through the server. The zero value
	// refuses everything.
	Forwarding forward.Rules

	ready bool // prepare has succeeded
	ports []reactor.ListeningPort
}

// Listen listens on a TCP address, such as "127.0.0.1:2022", or ":2022" for all
// addresses of the host. Port 0 is a free port, which GetHost of the result
// returns. The host must be an IP address. Listen may be called several times.
// It fails if the fields are wrong, too.
func (s *Server) Listen(r *reactor.Reactor, address string) (reactor.ListeningPort, error) {
	host, service, err := net.SplitHostPort(address)
	number, notNumber := strconv.ParseUint(service, 10, 16)
	if err != nil || notNumber != nil {
		return nil, fmt.Errorf("server: the address %s is not an IP address and a port, such as 127.0.0.1:2022", text.Quote(address))
	}
	if s.Reactor != nil && s.Reactor != r {
		return nil, errors.New("server: the Server belongs to another reactor; make a Server for each reactor")
	}
	s.Reactor = r
	if err := s.prepare(); err != nil {
		return nil, err
	}
	port, err := r.ListenTCP(int(number), s, reactor.ListenOptions{Interface: host})
	if err == nil {
		s.ports = append(s.ports, port)
	}
	return port, err
}

// Shutdown stops the ports of Listen, and then does what SSHFactory.Shutdown
// does: it waits for the clients, at most for limit, and closes their
// connections.
func (s *Server) Shutdown(limit time.Duration) deferred.Deferred[struct{}] {
	var stopped []deferred.Deferred[struct{}]
	for _, port := range s.ports {
		stopped = append(stopped, port.StopListening())
	}
	s.ports = nil
	if n := s.Connections(); n > 0 {
		s.logger().Info("server: shutting down", "connections", n, "limit", limit)
	}
	return deferred.ThenBothDeferred(deferred.Gather(stopped), func([]struct{}, error) deferred.Deferred[struct{}] {
		return s.SSHFactory.Shutdown(cmp.Or(s.Reactor, reactor.Default()), limit)
	})
}

// StartFactory prepares the server. It panics if the fields are wrong.
func (s *Server) StartFactory() {
	if err := s.prepare(); err != nil {
		panic(err)
	}
	s.SSHFactory.StartFactory()
}

// prepare makes the portal and the host key, once.
func (s *Server) prepare() error {
	if s.ready {
		return nil
	}
	if err := s.checkFields(); err != nil {
		return err
	}
	checkers, err := s.checkers()
	if err != nil {
		return err
	}
	if err := s.makeKey(); err != nil {
		return err
	}
	s.Portal = cred.NewPortal[Avatar](serverRealm{s}, checkers...)
	err = s.check()
	s.ready = err == nil
	if err != nil {
		s.Portal = nil
	}
	return err
}

// checkFields checks the fields that SSHFactory does not have.
func (s *Server) checkFields() error {
	commands := s.Handle != nil || s.Shell != nil
	switch {
	case s.Portal != nil:
		return errors.New("server: a Server makes its own Portal; set Passwords, AuthorizedKeys or Checkers, or listen with an SSHFactory")
	case len(s.Passwords)+len(s.AuthorizedKeys)+len(s.Checkers) == 0 && s.NewAuth == nil:
		return errors.New("server: nobody can log in; set Passwords, AuthorizedKeys or Checkers")
	case !commands && s.SFTP == nil && s.Session == nil && s.Forwarding.Open == nil && s.Forwarding.Listen == nil:
		return errors.New("server: users can do nothing; set SFTP, Handle, Shell, Session or Forwarding")
	case s.Session != nil && commands:
		return errors.New("server: Session replaces Handle and Shell; set one of them")
	case s.HandleShells && s.Handle == nil:
		return errors.New("server: HandleShells needs Handle")
	case s.HandleShells && s.Shell != nil:
		return errors.New("server: HandleShells and Shell both serve shells; set one of them")
	case (s.ReadOnly || s.LogFiles) && s.SFTP == nil:
		return errors.New("server: ReadOnly and LogFiles need SFTP")
	case s.HostKeyDir != "" && len(s.PrivateKeys) > 0:
		return errors.New("server: HostKeyDir and PrivateKeys both have host keys; set one of them")
	}
	return nil
}

// checkers returns the checkers of the fields.
func (s *Server) checkers() (all []cred.Checker, err error) {
	if len(s.AuthorizedKeys) > 0 {
		db := make(cred.InMemorySSHKeyDB)
		for _, user := range slices.Sorted(maps.Keys(s.AuthorizedKeys)) {
			source := "AuthorizedKeys of " + quoteUnusual(user)
			db[user] = cred.ParseAuthorizedKeys([]byte(s.AuthorizedKeys[user]), source)
			if len(db[user]) == 0 {
				return nil, fmt.Errorf("server: %s has no key", source)
			}
			for _, key := range db[user] {
				if key.Err != nil {
					return nil, fmt.Errorf("server: %s", text.TrimPrefix(key.Err))
				}
			}
		}
		all = append(all, cred.NewSSHPublicKeyChecker(db))
	}
	if len(s.Passwords) > 0 {
		for _, user := range slices.Sorted(maps.Keys(s.Passwords)) {
			if s.Passwords[user] == "" {
				return nil, fmt.Errorf("server: the password of %s in Passwords is empty, so it would not be accepted", quoteUnusual(user))
			}
		}
		passwords := cred.InMemory(s.Passwords)
		all = append(all, passwords, cred.AskPassword(passwords, ""))
	}
	return append(all, s.Checkers...), nil
}

// makeKey loads or makes the host key.
func (s *Server) makeKey() error {
	if s.HostKeyDir != "" {
		found, err := MakeHostKeys(s.HostKeyDir)
		if len(found) > 0 && err != nil {
			s.logger().Warn("server: some host keys are not used", "err", err)
			err = nil
		}
		s.PrivateKeys = found
		return err
	}
	if len(s.PrivateKeys) > 0 {
		return nil
	}
	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	signer, err := key.Signer()
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.PrivateKeys = []gossh.Signer{signer}
	s.logger().Warn("server: the host key is new, and for this run only; clients will warn after a restart, unless HostKeyDir is set",
		"key", describeKey(signer.PublicKey()))
	return nil
}

func (s *Server) logger() *slog.Logger {
	if s.Reactor == nil {
		return slog.Default()
	}
	return s.Reactor.Logger()
}
