package conch_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// TestVerifier: any success accepts the key, and the options can be read: C-CLIENT-21, C-CLIENT-22.
func TestVerifier(t *testing.T) {
	r := start(t)
	a := newAttempt(t)
	host := ""
	a.verify = func(t *conch.SSHClientTransport, _ string, _ gossh.PublicKey, _ string) deferred.Deferred[bool] {
		host = t.Options().Host
		return deferred.Succeed(false)
	}
	_, err := await(t, r, func() deferred.Deferred[struct{}] { return a.connect(r) })
	if err != nil || host != "127.0.0.1" {
		t.Errorf("got %q, %v", host, err)
	}
}

// TestConnection_Once: Transport is nil before the service is started, and a connection object serves once: C-CONN-3, C-CONN-4.
func TestConnection_Once(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{})
	conn := &plainConnection{}
	if conn.Transport() != nil {
		t.Error("there is a transport before there is one")
	}
	var inside *conch.SSHClientTransport
	conn.started = func() { inside = conn.Transport() }
	if _, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, conn) }); err != nil || inside == nil {
		t.Errorf("got %v, %v", inside, err)
	}
	if _, err := await(t, r, func() deferred.Deferred[struct{}] { return to.connect(r, conn) }); err == nil {
		t.Error("the connection object was used twice")
	}
}

// TestAuth_Order: the methods are tried in the order of preference; unknown ones are passed over: C-AUTH-4, C-AUTH-8.
func TestAuth_Order(t *testing.T) {
	for _, row := range []struct {
		order []string
		want  string
	}{
		{nil, "key password answers"},
		{[]string{"keyboard-interactive", "hostbased", "password"}, "answers password key"},
	} {
		t.Run(row.want, func(t *testing.T) {
			r := start(t)
			_, to := embedded(t, conchtest.Options{Config: func(c *gossh.ServerConfig) {
				c.KeyboardInteractiveCallback = func(gossh.ConnMetadata, gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
					return nil, io.EOF
				}
			}})
			var tried []string
			a := &hookedAuth{SSHUserAuthClient: *conch.NewSSHUserAuthClient(to.user, to.options, &plainConnection{})}
			a.PreferredOrder = row.order
			a.publicKey = func() deferred.Deferred[gossh.PublicKey] {
				tried = append(tried, "key")
				return deferred.Succeed[gossh.PublicKey](nil)
			}
			a.password = func() deferred.Deferred[string] {
				tried = append(tried, "password")
				return deferred.Fail[string](conch.ErrUnavailable)
			}
			_, err := await(t, r, func() deferred.Deferred[struct{}] {
				return conch.Connect(r, to.host, to.port, to.options, conch.VerifyHostKey, a)
			})
			if err == nil || !strings.Contains(err.Error(), "tried keyboard-interactive") {
				t.Errorf("got %v", err)
			}
			want := slices.DeleteFunc(strings.Fields(row.want), func(m string) bool { return m == "answers" })
			var first []string // in the order in which they were asked for first
			for _, m := range tried {
				if !slices.Contains(first, m) {
					first = append(first, m)
				}
			}
			if !slices.Equal(first, want) {
				t.Errorf("tried %q, want %q", first, want)
			}
		})
	}
}

// TestAuth_KeyTypes logs in with keys of each type, RSA with SHA-2: C-AUTH-10, C-AUTH-11, C-AUTH-22.
func TestAuth_KeyTypes(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey, "ecdsa": ecdsaKey} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			file := filepath.Join(t.TempDir(), "id")
			block, err := gossh.MarshalPrivateKey(key, "")
			if err != nil {
				t.Fatal(err)
			}
			public, err := gossh.NewPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file+".pub", gossh.MarshalAuthorizedKey(public), 0o600); err != nil {
				t.Fatal(err)
			}
			_, to := openssh(t, "AuthorizedKeysFile "+file+".pub")
			to.options.Identities = []string{file}
			connect(t, r, to)
		})
	}
}

// writer is a channel that notes StopWriting and StartWriting.
type writer struct {
	recordingChannel
	started chan struct{}
}

func (w *writer) StopWriting()  { w.events.add("StopWriting") }
func (w *writer) StartWriting() { w.events.add("StartWriting"); close(w.started) }

// TestChannel_Writing: the hints, the identity, and closing twice: C-CHAN-13, 14, 15, 22, 30, 31.
func TestChannel_Writing(t *testing.T) {
	r := start(t)
	release := make(chan struct{})
	_, to := embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		<-release
		_, _ = io.Copy(io.Discard, ch) // the end of the channel
		return 0
	}})
	conn := connect(t, r, to)
	var seen events
	w := &writer{*newChannel(&seen, nil), make(chan struct{})}
	w.opened = func(c *recordingChannel) {
		conn.SendRequest(w, "exec", conch.NS("wait"), true).AddCallback(func([]byte) ([]byte, error) {
			w.WriteSequence([][]byte{make([]byte, 8<<20), make([]byte, 1)}) // more than the window
			close(release)
			return nil, nil
		})
	}
	onLoop(t, r, func() {
		conn.OpenChannel(w)
		if !strings.Contains(w.String(), "session 0") || w.GetPeer().String() != conn.Transport().GetPeer().String() || w.GetHost() == nil {
			t.Errorf("%v, %v, %v", w, w.GetPeer(), w.GetHost())
		}
	})
	<-w.started
	if _, err := await(t, r, func() deferred.Deferred[struct{}] {
		w.LoseConnection()
		w.LoseConnection()
		return w.closed
	}); err != nil {
		t.Fatal(err)
	}
	onLoop(t, r, func() {
		w.LoseConnection()
		if stop, go1 := slices.Index(seen, "StopWriting"), slices.Index(seen, "StartWriting"); stop < 0 || go1 < stop {
			t.Errorf("events %q", seen)
		}
	})
}

// TestChannel_PeerCloses: the peer closes while data waits to be sent: it is dropped, and the channel ends: C-CHAN-24, C-CHAN-3, C-CONN-42, 43.
func TestChannel_PeerCloses(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: func(string, gossh.Channel) uint32 { return 0 }})
	conn := connect(t, r, to)
	seen := exec(t, r, conn, "exit", func(c *recordingChannel) { c.Write(make([]byte, 16<<20)) })
	if !slices.Equal(seen[len(seen)-2:], []string{"CloseReceived", "Closed"}) {
		t.Errorf("events %q", seen)
	}
}

// numbered is a producer that counts what is asked of it.
type numbered struct {
	c                        *conch.SSHChannel
	pull                     int // pieces left, for one that is asked for them
	paused, resumed, stopped int
	done                     func()
}

func (p *numbered) PauseProducing() { p.paused++ }
func (p *numbered) StopProducing()  { p.stopped++ }
func (p *numbered) ResumeProducing() {
	p.resumed++
	if p.pull == 0 {
		p.done()
		return
	}
	p.pull--
	p.c.Write([]byte("piece"))
}

// TestChannel_Producers: both kinds of producers, and their end: C-CHAN-32.
func TestChannel_Producers(t *testing.T) {
	r := start(t)
	_, to := embedded(t, conchtest.Options{Exec: echo})
	conn := connect(t, r, to)
	var text strings.Builder
	var puller, pusher *numbered
	seen := exec(t, r, conn, "echo", func(c *recordingChannel) {
		c.SetDataReceived(func(p []byte) { text.Write(p) })
		pusher = &numbered{c: &c.SSHChannel, done: func() {
			c.UnregisterProducer()
			c.LoseConnection()
		}}
		puller = &numbered{c: &c.SSHChannel, pull: 3, done: func() {
			c.UnregisterProducer()
			if err := c.RegisterProducer(pusher, true); err != nil {
				t.Error(err)
			}
			c.Write(make([]byte, conch.HighWater+1))
		}}
		if err := c.RegisterProducer(puller, false); err != nil {
			t.Error(err)
		}
		if err := c.RegisterProducer(pusher, true); err != reactor.ErrProducerRegistered {
			t.Errorf("a second producer: %v", err)
		}
	})
	came := text.String()[:min(text.Len(), len("piecepiecepiece"))] // what the echo sends back after our close is dropped
	if seen[len(seen)-1] != "Closed" || !strings.HasPrefix("piecepiecepiece", came) {
		t.Errorf("events %q, %.20q", seen, text.String())
	}
	if puller.resumed != 4 || pusher.paused != 1 || pusher.resumed != 1 || puller.stopped+pusher.stopped != 0 {
		t.Errorf("puller %+v, pusher %+v", *puller, *pusher)
	}
}

// TestChannel_SendClose: extended data arrives, and SendClose does not wait for data that cannot be sent: C-CHAN-12, C-CONN-41.
func TestChannel_SendClose(t *testing.T) {
	r := start(t)
	errors := make(chan string, 1)
	_, to := embedded(t, conchtest.Options{Exec: func(_ string, ch gossh.Channel) uint32 {
		text := make([]byte, 5)
		_, _ = io.ReadFull(ch.Stderr(), text) // the comparison shows what is missing
		errors <- string(text)
		for { // without reading data, until the channel is closed
			if _, err := ch.SendRequest("wait", true, nil); err != nil {
				return 0
			}
		}
	}})
	conn := connect(t, r, to)
	var seen events
	c := newChannel(&seen, func(c *recordingChannel) {
		conn.SendRequest(c, "exec", conch.NS("stuck"), true).AddCallback(func([]byte) ([]byte, error) {
			c.WriteExtended(conch.ExtendedDataStderr, []byte("he"))
			c.WriteExtended(conch.ExtendedDataStderr, []byte("lp!"))
			c.WriteExtended(7, []byte("dropped"))
			return nil, nil
		})
	})
	onLoop(t, r, func() { conn.OpenChannel(c) })
	if text := <-errors; text != "help!" {
		t.Errorf("the peer got %q", text)
	}
	if _, err := await(t, r, func() deferred.Deferred[struct{}] {
		c.Write(make([]byte, 16<<20)) // more than the window
		conn.SendClose(c)
		return c.closed
	}); err != nil {
		t.Error(err)
	}
}
