// Package sshtest has what the tests of the packages over SSH share: servers to
// log in to, connections and channels that record what happens.
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

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// Patience bounds how long a test waits for something that must come; only a failing test uses it up.
const Patience = 30 * time.Second

// Target is a server to test against, with the options to log in to it.
type Target struct {
	User, Host string
	Port       int
	Options    client.Options
}

// Embedded starts a conchtest server and returns it as a target whose host key is known and that a key file opens.
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

// OpenSSH starts an sshd likewise.
func OpenSSH(t *testing.T, extra ...string) (*conchtest.OpenSSH, Target) {
	t.Helper()
	s := conchtest.NewOpenSSH(t, extra...)
	host, port := s.HostPort()
	return s, Target{s.User, host, port, client.Options{
		Identities: []string{s.ClientKey}, NoAgent: true, KnownHosts: []string{s.KnownHosts}, UI: NoUI{t}, Timeout: Patience,
	}}
}

// NoUI is for tests that must not ask.
type NoUI struct{ T *testing.T }

func (u NoUI) Prompt(question string) deferred.Deferred[bool] {
	u.T.Errorf("asked: %s", question)
	return deferred.Succeed(false)
}

func (u NoUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.T.Errorf("asked: %s", prompt)
	return deferred.Fail[string](client.ErrUnavailable)
}

func (u NoUI) Warn(text string) { u.T.Logf("warned: %s", text) }

// ScriptedUI answers with what it is given and notes what it was asked.
type ScriptedUI struct {
	Yes    bool
	Line   func(prompt string, echo bool) deferred.Deferred[string]
	Asked  []string
	Warned []string
}

func (u *ScriptedUI) Prompt(question string) deferred.Deferred[bool] {
	u.Asked = append(u.Asked, question)
	return deferred.Succeed(u.Yes)
}

func (u *ScriptedUI) ReadLine(prompt string, echo bool) deferred.Deferred[string] {
	u.Asked = append(u.Asked, prompt)
	return u.Line(prompt, echo)
}

func (u *ScriptedUI) Warn(text string) { u.Warned = append(u.Warned, text) }

// Events notes what happens, in order. It belongs to the loop until the reactor has stopped.
type Events []string

func (e *Events) Add(format string, args ...any) { *e = append(*e, fmt.Sprintf(format, args...)) }

// Await runs f on the loop and waits for its Deferred.
func Await[T any](t *testing.T, r *reactor.Reactor, f func() deferred.Deferred[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), Patience, fmt.Errorf("nothing came for %v", Patience))
	defer cancel()
	return reactor.Await(ctx, r, f)
}

// OnLoop runs f on the loop and waits for it.
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

// Start starts a reactor that ends with the test, which fails if goroutines are left then.
func Start(t *testing.T) *reactor.Reactor {
	t.Helper()
	reactortest.CheckGoroutines(t)
	return reactortest.Start(t, reactor.Options{})
}

// PlainConnection is a connection whose hooks are functions.
type PlainConnection struct {
	conch.SSHConnection
	Started, Stopped func()
	OnChannel        func(channelType string, data []byte) deferred.Deferred[conch.Channel]
	OnGlobalRequest  func(name string, data []byte) deferred.Deferred[[]byte]
}

func (c *PlainConnection) ServiceStarted() {
	if c.Started != nil {
		c.Started()
	}
}

func (c *PlainConnection) ServiceStopped() {
	if c.Stopped != nil {
		c.Stopped()
	}
}

func (c *PlainConnection) GetChannel(channelType string, data []byte) deferred.Deferred[conch.Channel] {
	if c.OnChannel == nil {
		return c.SSHConnection.GetChannel(channelType, data)
	}
	return c.OnChannel(channelType, data)
}

func (c *PlainConnection) GotGlobalRequest(name string, data []byte) deferred.Deferred[[]byte] {
	if c.OnGlobalRequest == nil {
		return c.SSHConnection.GotGlobalRequest(name, data)
	}
	return c.OnGlobalRequest(name, data)
}

// Connect connects to the target and returns the connection.
func Connect(t *testing.T, r *reactor.Reactor, to Target) *PlainConnection {
	t.Helper()
	conn := &PlainConnection{}
	if _, err := Await(t, r, func() deferred.Deferred[struct{}] { return to.Connect(r, conn) }); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (to Target) Connect(r *reactor.Reactor, conn conch.Connection) deferred.Deferred[struct{}] {
	return client.Connect(r, to.Host, to.Port, to.Options, client.VerifyHostKey, client.NewDefaultAuthClient(to.User, conn))
}

// through makes the target's connections go through wrap.
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

// RecordingChannel is a session channel that notes its events.
type RecordingChannel struct {
	conch.SSHChannel
	Events *Events
	Opened func(*RecordingChannel)
	Client *filetransfer.FileTransferClient
	Done   deferred.Deferred[struct{}]
}

func NewChannel(e *Events, opened func(*RecordingChannel)) *RecordingChannel {
	return &RecordingChannel{Events: e, Opened: opened, Done: deferred.New[struct{}]()}
}

func (c *RecordingChannel) Name() string { return "session" }

func (c *RecordingChannel) ChannelOpen(specificData []byte) {
	c.Events.Add("ChannelOpen %q", specificData)
	if c.Opened != nil {
		c.Opened(c)
	}
}

func (c *RecordingChannel) OpenFailed(reason error) {
	c.Events.Add("OpenFailed")
	c.Done.Errback(reason)
}

func (c *RecordingChannel) DataReceived(p []byte) {
	if c.Client != nil {
		c.Client.DataReceived(p)
		return
	}
	c.Events.Add("DataReceived %q", p)
}

func (c *RecordingChannel) ExtReceived(dataType uint32, p []byte) {
	c.Events.Add("ExtReceived %d %q", dataType, p)
}
func (c *RecordingChannel) EOFReceived()   { c.Events.Add("EOFReceived") }
func (c *RecordingChannel) CloseReceived() { c.Events.Add("CloseReceived"); c.LoseConnection() }
func (c *RecordingChannel) Closed() {
	c.Events.Add("Closed")
	if c.Client != nil {
		c.Client.ConnectionLost(conch.ErrConnectionLost)
	}
	c.Done.Callback(struct{}{})
}

func (c *RecordingChannel) RequestReceived(name string, data []byte) deferred.Deferred[bool] {
	c.Events.Add("RequestReceived %s %x", name, data)
	return deferred.Succeed(true)
}

// Fingerprint is the key's SHA-256 fingerprint.
func Fingerprint(key gossh.PublicKey) string { return gossh.FingerprintSHA256(key) }

func Answering(line string) func(string, bool) deferred.Deferred[string] {
	return func(string, bool) deferred.Deferred[string] { return deferred.Succeed(line) }
}

// shell is a command interpreter for the embedded server that knows what the tests run.
func Shell(command string, ch gossh.Channel) uint32 {
	switch command {
	case "printf out; printf err >&2":
		fmt.Fprint(ch, "out")
		fmt.Fprint(ch.Stderr(), "err")
	case "cat":
		_, _ = io.Copy(ch, ch) // the end of the channel
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

// peered connects and returns the server's end of the connection too.
func Peered(t *testing.T, r *reactor.Reactor) (*PlainConnection, gossh.Conn) {
	t.Helper()
	conns := make(chan gossh.Conn, 1)
	_, to := Embedded(t, conchtest.Options{Exec: Shell, Connected: func(c gossh.Conn) { conns <- c }})
	conn := Connect(t, r, to)
	return conn, <-conns
}

// WithoutKeys leaves the target only what ui answers.
func (to Target) WithoutKeys(t *testing.T, ui client.UI) Target {
	to.Options.Identities = []string{filepath.Join(t.TempDir(), "none")}
	to.Options.UI = ui
	return to
}

// Name is the target as user@host:port.
func (to Target) Name() string {
	return fmt.Sprintf("%s@%s", to.User, net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
}

// Client returns the target as a client.Target.
func (to Target) Client() *client.Target {
	return &client.Target{User: to.User, Host: to.Host, Port: to.Port, Options: to.Options}
}

// RequestLog notes the requests that the embedded server gets on sessions, and grants them.
type RequestLog struct {
	Mu   sync.Mutex // guards Seen
	Seen []string
	Want int
	All  chan struct{} // closed when want requests have come
}

func (l *RequestLog) Grant(ch gossh.Channel, req *gossh.Request) bool {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	l.Seen = append(l.Seen, fmt.Sprintf("%s %v %x", req.Type, req.WantReply, req.Payload))
	if len(l.Seen) == l.Want {
		close(l.All)
	}
	if req.WantReply {
		_ = req.Reply(true, nil) // a lost connection fails the test elsewhere
	}
	return true
}

// Echo is a command that writes its input to its output.
func Echo(_ string, ch gossh.Channel) uint32 {
	_, _ = io.Copy(ch, ch) // a lost connection ends it
	return 0
}
