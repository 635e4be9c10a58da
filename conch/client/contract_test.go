package client_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/sshtest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestVerifyHostKey_Home: without KnownHosts, the file in the home directory is
// read, and the host is looked up by its alias. A key that the user accepts is
// saved there, and the directory is created: C-CLIENT-24, C-CLIENT-27.
func TestVerifyHostKey_Home(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint(known), func(t *testing.T) {
			r := sshtest.Start(t)
			home := t.TempDir()
			t.Setenv("HOME", home)
			file := filepath.Join(home, ".ssh", "known_hosts")
			s, to := sshtest.Embedded(t, conchtest.Options{})
			ui := &sshtest.ScriptedUI{Yes: true}
			to.Options.KnownHosts, to.Options.UI, to.Options.HostKeyAlias = nil, ui, "alias.example"
			if known {
				line := "alias.example " + string(gossh.MarshalAuthorizedKey(s.HostKey))
				if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			conn := sshtest.Connect(t, r, to)
			sshtest.OnLoop(t, r, func() {
				conn.LoseConnection()
				if (len(ui.Asked) == 0) != known {
					t.Errorf("known %v: asked %q", known, ui.Asked)
				}
			})
			if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "alias.example ssh-ed25519 ") {
				t.Errorf("known_hosts is %q, %v", text, err)
			}
		})
	}
}

// TestF23_C_CLIENT_23_Rekey: the verifier is called once, although the server
// rekeys several times. A rekey with another host key ends the connection.
func TestF23_C_CLIENT_23_Rekey(t *testing.T) {
	r := sshtest.Start(t)
	first, second := newSigner(t), newSigner(t)
	host := &changingSigner{}
	host.now.Store(&first)
	renewed := 0
	_, to := sshtest.Embedded(t, conchtest.Options{HostKey: host, Exec: sshtest.Echo, Config: func(c *gossh.ServerConfig) {
		c.RekeyThreshold = 16 << 10
	}})
	host.signed = func() { // called by the server in each key exchange
		if renewed++; renewed == 4 {
			host.now.Store(&second)
		}
	}
	asked := 0
	verify := func(*client.SSHClientTransport, string, gossh.PublicKey, string) deferred.Deferred[bool] {
		asked++
		return deferred.Succeed(true)
	}
	conn, lost := &sshtest.PlainConnection{}, deferred.New[struct{}]()
	conn.Stopped = func() { lost.Callback(struct{}{}) }
	var flood func()
	flood = func() { // repeats until the connection ends
		client.Exec(conn, "echo", make([]byte, 8<<10)).AddCallbacks(func(client.Output) (client.Output, error) {
			flood()
			return client.Output{}, nil
		}, func(error) (client.Output, error) { return client.Output{}, nil })
	}
	conn.Started = func() { flood() }
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		auth := client.NewDefaultAuthClient(to.User, conn)
		connected := client.Connect(r, to.Host, to.Port, to.Options, verify, auth)
		return deferred.ThenDeferred(connected, func(struct{}) deferred.Deferred[struct{}] { return lost })
	}); err != nil {
		t.Fatal(err)
	}
	sshtest.OnLoop(t, r, func() {
		if err := conn.Transport().Lost(); asked != 1 || err == nil || !strings.Contains(err.Error(), "another host key") {
			t.Errorf("asked %d times, lost because %v", asked, err)
		}
	})
}

// changingSigner is a host key that can be replaced while the server runs.
type changingSigner struct {
	now atomic.Pointer[gossh.Signer]
	// signed is called in each key exchange. It must be set before a client
	// connects.
	signed func()
}

func (s *changingSigner) PublicKey() gossh.PublicKey { return (*s.now.Load()).PublicKey() }

func (s *changingSigner) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	signature, err := (*s.now.Load()).Sign(rand, data)
	s.signed()
	return signature, err
}

func newSigner(t *testing.T) gossh.Signer {
	t.Helper()
	private, _, err := newKey(t)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// bareChannel overrides only Name.
type bareChannel struct {
	conch.SSHChannel
	name string
}

func (c *bareChannel) Name() string { return c.name }

// TestChannel_Defaults: a channel without hooks accepts all events, and logs
// that it could not be opened: C-CHAN-1, C-CHAN-2, C-CHAN-3.
func TestChannel_Defaults(t *testing.T) {
	reactortest.CheckGoroutines(t)
	log := reactortest.NewLog(t)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: sshtest.Shell})
	conn := sshtest.Connect(t, r, to)
	granted, refused := &bareChannel{name: "session"}, &bareChannel{name: "odd"}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		conn.OpenChannel(refused)
		return refused.WhenClosed()
	}); err == nil || len(log.Take("Channel could not be opened")) != 1 {
		t.Errorf("got %v, logged %q", err, log.Records())
	}
	conn2 := &sshtest.PlainConnection{} // its first channel opens before any request is sent
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		return deferred.ThenDeferred(to.Connect(r, conn2), func(struct{}) deferred.Deferred[struct{}] {
			conn2.OpenChannel(&opener{bareChannel{name: "session"}})
			conn2.OpenChannel(granted)
			granted.LoseConnection()
			return granted.WhenClosed()
		})
	}); err != nil {
		t.Error(err)
	}
}

// opener runs a command that writes to stdout and stderr. It has no other
// hooks.
type opener struct{ bareChannel }

func (c *opener) ChannelOpen([]byte) {
	c.Conn().SendRequest(c, "exec", conch.NS("printf out; printf err >&2"), true)
}

// TestChannel_BothStreams writes data and extended data alternately. Each
// stream arrives complete and in order, before EOF and before the close. The
// order between the two streams is undefined: C-CHAN-12, C-CHAN-20.
func TestChannel_BothStreams(t *testing.T) {
	for name, end := range map[string]func(*talk){
		"end-of-file": func(s *talk) { s.Conn().SendEOF(s) },
		"close":       func(s *talk) { s.LoseConnection() },
	} {
		t.Run(name, func(t *testing.T) { bothStreams(t, end) })
	}
}

func bothStreams(t *testing.T, end func(*talk)) {
	const pieces, size = 96, 40 << 10 // more than the window
	r := sshtest.Start(t)
	sums := make(chan [2][32]byte, 1)
	_, to := sshtest.Embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		out, ext := sha256.New(), sha256.New()
		extended := make(chan error, 1)
		go func() { // ends when all extended data has arrived
			_, err := io.CopyN(ext, ch.Stderr(), pieces*size)
			extended <- err
		}()
		_, err := io.Copy(out, ch)
		if err != nil || <-extended != nil {
			return 1
		}
		sums <- [2][32]byte{[32]byte(out.Sum(nil)), [32]byte(ext.Sum(nil))}
		return 0
	}})
	conn := sshtest.Connect(t, r, to)
	out, ext := sha256.New(), sha256.New()
	s := &talk{ClientSession: client.ClientSession{Command: client.Command{Line: "count"}}}
	s.started = func() {
		for i := range pieces {
			data, extended := make([]byte, size), make([]byte, size)
			data[i], extended[size-1-i] = 1, 2
			out.Write(data)
			ext.Write(extended)
			s.Write(data)
			s.WriteExtended(conch.ExtendedDataStderr, extended)
		}
		end(s)
	}
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[string] { return s.run(conn) }); err != nil {
		t.Fatal(err)
	}
	if got := <-sums; got != [2][32]byte{[32]byte(out.Sum(nil)), [32]byte(ext.Sum(nil))} {
		t.Error("other bytes have arrived")
	}
}
