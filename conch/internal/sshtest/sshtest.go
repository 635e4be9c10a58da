// Package sshtest has helpers for the tests of package conch and of the
// packages that use it: servers, connections and channels that record events.
package sshtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// Patience is the longest time that a test waits for an event. Only a test that
// fails waits so long.
const Patience = 30 * time.Second

// Target is the address of a server, with the options to log in.
type Target struct {
	User, Host string
	Port       int
	Options    client.Options
}

// Embedded starts a conchtest server that is closed when the test ends. The
// options of the target have a known-hosts file and a key with which the user
// can log in.
func Embedded(t *testing.T, opts conchtest.Options) (*conchtest.Server, Target) {
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
	return s, Target{s.User, host, port, client.Options{
		Identities: []string{identity}, NoAgent: true, KnownHosts: []string{known}, UI: NoUI{t}, Timeout: Patience,
	}}
}

// OpenSSH starts an sshd that is stopped when the test ends. The target is like
// that of Embedded.
func OpenSSH(t *testing.T, extra ...string) (*conchtest.OpenSSH, Target) {
	t.Helper()
	s := conchtest.NewOpenSSH(t, extra...)
	host, port := s.HostPort()
	return s, Target{s.User, host, port, client.Options{
		Identities: []string{s.ClientKey}, NoAgent: true, KnownHosts: []string{s.KnownHosts}, UI: NoUI{t}, Timeout: Patience,
	}}
}

// NoUI is a client.UI for tests in which the user must not be asked.
type NoUI struct{ T *testing.T }

// Prompt fails the test.
func (u NoUI) Prompt(question string) deferred.Deferred[bool] {
	u.T.Errorf("asked: %s", question)
	return deferred.Succeed(false)
}

// ReadLine fails the test.
func (u NoUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.T.Errorf("asked: %s", prompt)
	return deferred.Fail[string](client.ErrUnavailable)
}

// Warn logs the warning.
func (u NoUI) Warn(text string) { u.T.Logf("warned: %s", text) }

// ScriptedUI is a client.UI with fixed answers. It records the questions.
type ScriptedUI struct {
	Yes    bool                                                     // the result of Prompt
	Line   func(prompt string, echo bool) deferred.Deferred[string] // called by ReadLine
	Asked  []string                                                 // all questions and prompts
	Warned []string                                                 // all warnings
}

// Prompt returns Yes.
func (u *ScriptedUI) Prompt(question string) deferred.Deferred[bool] {
	u.Asked = append(u.Asked, question)
	return deferred.Succeed(u.Yes)
}

// ReadLine returns the result of Line.
func (u *ScriptedUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.Asked = append(u.Asked, prompt)
	return u.Line(prompt, echo)
}

// Warn records the warning.
func (u *ScriptedUI) Warn(text string) { u.Warned = append(u.Warned, text) }

// Events is a list of events, in order. Only the loop may use it until the
// reactor has stopped.
type Events []string

// Add appends an event.
func (e *Events) Add(format string, args ...any) { *e = append(*e, fmt.Sprintf(format, args...)) }

// Await calls f on the loop, waits until its Deferred fires, and returns the
// result. It waits at most Patience, and must not be called on the loop.
func Await[T any](t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), Patience, fmt.Errorf("sshtest: no result after %v", Patience))
	defer cancel()
	return reactor.Await(ctx, r, f)
}

// OnLoop calls f on the loop and waits until it returns. It must not be called
// on the loop.
func OnLoop(t *testing.T, r *reactor.Reactor, f func()) {
	t.Helper()
	_, err := Await(t, r, func() deferred.Deferred[bool] {
		f()
		return deferred.Succeed(true)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Start starts a reactor that stops when the test ends. The test fails if
// goroutines are left then.
func Start(t *testing.T) *reactor.Reactor {
	t.Helper()
	reactortest.CheckGoroutines(t)
	return reactortest.Start(t, reactor.Options{})
}

// PlainConnection is a conch.Connection with functions as hooks. A nil function
// means the default of conch.SSHConnection.
type PlainConnection struct {
	conch.SSHConnection
	Started, Stopped func()
	OnChannel        func(channelType string, data []byte) deferred.Deferred[conch.Channel]
	OnGlobalRequest  func(name string, data []byte) deferred.Deferred[[]byte]
}

// ServiceStarted calls Started.
func (c *PlainConnection) ServiceStarted() {
	if c.Started != nil {
		c.Started()
	}
}

// ServiceStopped calls Stopped.
func (c *PlainConnection) ServiceStopped() {
	if c.Stopped != nil {
		c.Stopped()
	}
}

// GetChannel calls OnChannel.
func (c *PlainConnection) GetChannel(channelType string, data []byte) deferred.Deferred[conch.Channel] {
	if c.OnChannel == nil {
		return c.SSHConnection.GetChannel(channelType, data)
	}
	return c.OnChannel(channelType, data)
}

// GotGlobalRequest calls OnGlobalRequest.
func (c *PlainConnection) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	if c.OnGlobalRequest == nil {
		return c.SSHConnection.GotGlobalRequest(name, data)
	}
	return c.OnGlobalRequest(name, data)
}

// Connect logs in to the target and returns the connection. If that fails, the
// test fails.
func Connect(t *testing.T, r *reactor.Reactor, to Target) *PlainConnection {
	t.Helper()
	conn := &PlainConnection{}
	if _, err := Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Connect logs in to the target with the connection. It must be called on the
// loop.
func (to Target) Connect(r *reactor.Reactor, conn conch.Connection) deferred.Deferred[struct{}] {
	auth := client.NewDefaultAuthClient(to.User, conn)
	return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, auth)
}

// Through returns a target that passes each new network connection to wrap, and
// uses the result.
func (to Target) Through(wrap func(net.Conn) net.Conn) Target {
	dial := to.Options.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	to.Options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}
	return to
}

// RecordingChannel is a session channel that records the calls of its methods.
type RecordingChannel struct {
	conch.SSHChannel
	Events *Events
	Opened func(*RecordingChannel)          // called when the channel is open; may be nil
	Client *filetransfer.FileTransferClient // receives the data, which is not recorded; may be nil
	Done   deferred.Deferred[struct{}]      // fires when the channel has closed; fails if it did not open
}

// NewChannel returns a channel that records its events in e.
func NewChannel(e *Events, opened func(*RecordingChannel)) *RecordingChannel {
	return &RecordingChannel{Events: e, Opened: opened, Done: deferred.New[struct{}]()}
}

// Name implements [conch.Channel].
func (c *RecordingChannel) Name() string { return "session" }

// ChannelOpen implements [conch.Channel].
func (c *RecordingChannel) ChannelOpen(specificData []byte) {
	c.Events.Add("ChannelOpen %q", specificData)
	if c.Opened != nil {
		c.Opened(c)
	}
}

// OpenFailed implements [conch.Channel].
func (c *RecordingChannel) OpenFailed(reason error) {
	c.Events.Add("OpenFailed")
	c.Done.Errback(reason)
}

// DataReceived implements [conch.Channel].
func (c *RecordingChannel) DataReceived(p []byte) {
	if c.Client != nil {
		c.Client.DataReceived(p)
		return
	}
	c.Events.Add("DataReceived %q", p)
}

// ExtReceived implements [conch.Channel].
func (c *RecordingChannel) ExtReceived(dataType uint32, p []byte) {
	c.Events.Add("ExtReceived %d %q", dataType, p)
}

// EOFReceived implements [conch.Channel].
func (c *RecordingChannel) EOFReceived() { c.Events.Add("EOFReceived") }

// CloseReceived implements [conch.Channel].
func (c *RecordingChannel) CloseReceived() {
	c.Events.Add("CloseReceived")
	c.LoseConnection()
}

// Closed implements [conch.Channel].
func (c *RecordingChannel) Closed() {
	c.Events.Add("Closed")
	if c.Client != nil {
		c.Client.ConnectionLost(conch.ErrConnectionLost)
	}
	c.Done.Callback(struct{}{})
}

// RequestReceived grants every request.
func (c *RecordingChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	c.Events.Add("RequestReceived %s %x", name, data)
	return deferred.Succeed(true)
}

// Fingerprint returns the SHA-256 fingerprint of the key.
func Fingerprint(key gossh.PublicKey) string { return gossh.FingerprintSHA256(key) }

// Answering returns a function for ScriptedUI.Line that always returns line.
func Answering(line string) func(string, bool) deferred.Deferred[string] {
	return func(string, bool) deferred.Deferred[string] { return deferred.Succeed(line) }
}

// Shell is a conchtest.Options.Exec that knows the commands of the tests. They
// do the same in a real shell.
func Shell(command string, ch gossh.Channel) uint32 {
	switch command {
	case "printf out; printf err >&2":
		fmt.Fprint(ch, "out")
		fmt.Fprint(ch.Stderr(), "err")
	case "cat":
		_, _ = io.Copy(ch, ch) // until EOF, or until the connection is lost
	case "printf x; exit 3":
		fmt.Fprint(ch, "x")
		return 3
	case "kill -TERM $$":
		_, _ = ch.SendRequest("exit-signal", false, conch.PackRequestExitSignal(conch.ExitSignal{Name: "TERM"}))
		ch.Close()
	case "yes":
		for {
			if _, err := ch.Write(make([]byte, 32<<10)); err != nil {
				return 1
			}
		}
	}
	return 0
}

// Peered logs in to a new server. It returns both ends of the connection.
func Peered(t *testing.T, r *reactor.Reactor) (*PlainConnection, gossh.Conn) {
	t.Helper()
	conns := make(chan gossh.Conn, 1)
	_, to := Embedded(t, conchtest.Options{Exec: Shell, Connected: func(c gossh.Conn) { conns <- c }})
	conn := Connect(t, r, to)
	return conn, <-conns
}

// WithoutKeys returns a target without a key. Only the answers of ui can log
// in.
func (to Target) WithoutKeys(t *testing.T, ui client.UI) Target {
	to.Options.Identities = []string{filepath.Join(t.TempDir(), "none")}
	to.Options.UI = ui
	return to
}

// Name returns the target as user@host:port.
func (to Target) Name() string {
	return fmt.Sprintf("%s@%s", to.User, net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
}

// Client returns the target as a client.Target.
func (to Target) Client() *client.Target {
	return &client.Target{User: to.User, Host: to.Host, Port: to.Port, Options: to.Options}
}

// RequestLog records requests to a conchtest server, and grants them. Make All
// and set Want before the first request.
type RequestLog struct {
	Mu   sync.Mutex    // guards Seen
	Seen []string      // the type, want-reply and payload of each request
	Want int           // the expected number of requests
	All  chan struct{} // closed at request number Want
}

// Grant is a conchtest.Options.Session.
func (l *RequestLog) Grant(ch gossh.Channel, req *gossh.Request) bool {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	l.Seen = append(l.Seen, fmt.Sprintf("%s %v %x", req.Type, req.WantReply, req.Payload))
	if len(l.Seen) == l.Want {
		close(l.All)
	}
	if req.WantReply {
		_ = req.Reply(true, nil) // if the connection is lost, the test fails elsewhere
	}
	return true
}

// Echo is a conchtest.Options.Exec that copies its input to its output.
func Echo(_ string, ch gossh.Channel) uint32 {
	_, _ = io.Copy(ch, ch) // until EOF, or until the connection is lost
	return 0
}
