package conch_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// patience bounds how long a test waits for something that must come; only a failing test uses it up.
const patience = 30 * time.Second

// target is a server to test against, with the options to log in to it.
type target struct {
	user, host string
	port       int
	options    conch.ClientOptions
}

// embedded starts a conchtest server and returns it as a target whose host key is known and that a key file opens.
func embedded(t *testing.T, opts conchtest.Options) (*conchtest.Server, target) {
	t.Helper()
	dir := t.TempDir()
	identity, known := filepath.Join(dir, "id"), filepath.Join(dir, "known_hosts")
	key, err := conchtest.NewKeyFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	opts.AuthorizedKeys = append(opts.AuthorizedKeys, key.PublicKey())
	s := conchtest.NewServer(t, opts)
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port := s.HostPort()
	return s, target{s.User, host, port, conch.ClientOptions{
		Identities: []string{identity}, NoAgent: true, KnownHosts: []string{known}, UI: noUI{t}, Timeout: patience,
	}}
}

// openssh starts an sshd likewise.
func openssh(t *testing.T, extra ...string) (*conchtest.OpenSSH, target) {
	t.Helper()
	s := conchtest.NewOpenSSH(t, extra...)
	host, port := s.HostPort()
	return s, target{s.User, host, port, conch.ClientOptions{
		Identities: []string{s.ClientKey}, NoAgent: true, KnownHosts: []string{s.KnownHosts}, UI: noUI{t}, Timeout: patience,
	}}
}

// noUI is for tests that must not ask.
type noUI struct{ t *testing.T }

func (u noUI) Prompt(question string) deferred.Deferred[bool] {
	u.t.Errorf("asked: %s", question)
	return deferred.Succeed(false)
}

func (u noUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.t.Errorf("asked: %s", prompt)
	return deferred.Fail[string](conch.ErrUnavailable)
}

func (u noUI) Warn(text string) { u.t.Logf("warned: %s", text) }

// scriptedUI answers with what it is given and notes what it was asked.
type scriptedUI struct {
	yes    bool
	line   func(prompt string, echo bool) deferred.Deferred[string]
	asked  []string
	warned []string
}

func (u *scriptedUI) Prompt(question string) deferred.Deferred[bool] {
	u.asked = append(u.asked, question)
	return deferred.Succeed(u.yes)
}

func (u *scriptedUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.asked = append(u.asked, prompt)
	return u.line(prompt, echo)
}

func (u *scriptedUI) Warn(text string) { u.warned = append(u.warned, text) }

// events notes what happens, in order. It belongs to the loop until the reactor has stopped.
type events []string

func (e *events) add(format string, args ...any) { *e = append(*e, fmt.Sprintf(format, args...)) }

// await runs f on the loop and waits for its Deferred.
func await[T any](t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, fmt.Errorf("nothing came for %v", patience))
	defer cancel()
	return reactor.Await(ctx, r, f)
}

// onLoop runs f on the loop and waits for it.
func onLoop(t *testing.T, r *reactor.Reactor, f func()) {
	t.Helper()
	_, err := await(t, r, func() deferred.Deferred[bool] {
		f()
		return deferred.Succeed(true)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a reactor that ends with the test, which fails if goroutines are left then.
func start(t *testing.T) *reactor.Reactor {
	t.Helper()
	reactortest.CheckGoroutines(t)
	return reactortest.Start(t, reactor.Options{})
}

// plainConnection is a connection whose hooks are functions.
type plainConnection struct {
	conch.SSHConnection
	started, stopped func()
	getChannel       func(channelType string, data []byte) (conch.Channel, error)
	globalRequest    func(name string, data []byte) (bool, []byte)
}

func (c *plainConnection) ServiceStarted() {
	if c.started != nil {
		c.started()
	}
}

func (c *plainConnection) ServiceStopped() {
	if c.stopped != nil {
		c.stopped()
	}
}

func (c *plainConnection) GetChannel(channelType string, data []byte) (conch.Channel, error) {
	if c.getChannel == nil {
		return c.SSHConnection.GetChannel(channelType, data)
	}
	return c.getChannel(channelType, data)
}

func (c *plainConnection) GotGlobalRequest(name string, data []byte) (bool, []byte) {
	if c.globalRequest == nil {
		return c.SSHConnection.GotGlobalRequest(name, data)
	}
	return c.globalRequest(name, data)
}

// connect connects to the target and returns the connection.
func connect(t *testing.T, r *reactor.Reactor, to target) *plainConnection {
	t.Helper()
	conn := &plainConnection{}
	if _, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, conn) }); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (to target) connect(r *reactor.Reactor, conn conch.Connection) deferred.Deferred[struct{}] {
	return conch.Connect(r, to.host, to.port, to.options, conch.VerifyHostKey, conch.NewSSHUserAuthClient(to.user, to.options, conn))
}

// through makes the target's connections go through wrap.
func (to target) through(wrap func(net.Conn) net.Conn) target {
	dial := to.options.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	to.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}
	return to
}

// recordingChannel is a session channel that notes its events.
type recordingChannel struct {
	conch.SSHChannel
	events *events
	opened func(*recordingChannel)
	client *filetransfer.FileTransferClient
	closed deferred.Deferred[struct{}]
}

func newChannel(e *events, opened func(*recordingChannel)) *recordingChannel {
	return &recordingChannel{events: e, opened: opened, closed: deferred.New[struct{}]()}
}

func (c *recordingChannel) Name() string { return "session" }

func (c *recordingChannel) ChannelOpen(specificData []byte) {
	c.events.add("ChannelOpen %q", specificData)
	if c.opened != nil {
		c.opened(c)
	}
}

func (c *recordingChannel) OpenFailed(reason error) {
	c.events.add("OpenFailed")
	c.closed.Errback(reason)
}

func (c *recordingChannel) DataReceived(p []byte) {
	if c.client != nil {
		c.client.DataReceived(p)
		return
	}
	c.events.add("DataReceived %q", p)
}

func (c *recordingChannel) ExtReceived(dataType uint32, p []byte) {
	c.events.add("ExtReceived %d %q", dataType, p)
}
func (c *recordingChannel) EOFReceived()   { c.events.add("EOFReceived") }
func (c *recordingChannel) CloseReceived() { c.events.add("CloseReceived"); c.LoseConnection() }
func (c *recordingChannel) Closed() {
	c.events.add("Closed")
	if c.client != nil {
		c.client.ConnectionLost(conch.ErrConnectionLost)
	}
	c.closed.Callback(struct{}{})
}

func (c *recordingChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	c.events.add("RequestReceived %s %x", name, data)
	return deferred.Succeed(true)
}

// fingerprint is the key's SHA-256 fingerprint.
func fingerprint(key gossh.PublicKey) string { return gossh.FingerprintSHA256(key) }
