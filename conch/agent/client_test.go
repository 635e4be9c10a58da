package agent_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/agent"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// operations are all requests of a client.
var operations = map[string]func(c *agent.SSHAgentClient) deferred.Deferred[any]{
	"list keys": func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.RequestIdentities()) },
	"sign": func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.SignData(ed25519().PublicKey(), nil, ""))
	},
	"add key": func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.AddIdentity(ed25519(), agent.AddOptions{}))
	},
	"remove key": func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.RemoveIdentity(ed25519().PublicKey()))
	},
	"remove all keys": func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.RemoveAllIdentities()) },
	"lock":            func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.Lock([]byte("x"))) },
	"unlock":          func(c *agent.SSHAgentClient) deferred.Deferred[any] { return deferred.Any(c.Unlock([]byte("x"))) },
	`extension "query"`: func(c *agent.SSHAgentClient) deferred.Deferred[any] {
		return deferred.Any(c.Extension("query", nil))
	},
}

// TestC_KEYS_20_Refused: the agent says no, and goes on.
func TestC_KEYS_20_Refused(t *testing.T) {
	for name, no := range map[string]string{"failure": "\x05", "extension failure": "\x1c"} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			c := scripted(t, r, replies(no))
			for op, ask := range operations {
				_, err := await(t, r, func() deferred.Deferred[any] { return ask(c) })
				mustBe(t, err, op, agent.ErrRefused)
			}
		})
	}
}

// TestF36_AgentThatFails: an agent that dies at once, or speaks another
// protocol, is named in the error, and every later request fails too.
func TestF36_AgentThatFails(t *testing.T) {
	for name, script := range map[string]func(net.Conn){
		"dies at once":         func(net.Conn) {},
		"dies after a request": func(c net.Conn) { _, _ = readMessage(c) },
		"dies in a reply": func(c net.Conn) {
			_, _ = readMessage(c)
			_, _ = c.Write(frame("\x0c\x00\x00\x00\x01")[:7])
		},
		"empty reply":        replies(""),
		"unknown type":       replies("\xc8"),
		"wrong type":         replies("\x02\x00\x00\x00\x00"),
		"malformed":          replies("\x0c\x00\x00"),
		"lies about a count": replies("\x0c\x00\x20\x00\x00"),
		"too long": func(c net.Conn) {
			_, _ = readMessage(c)
			_, _ = c.Write(binary.BigEndian.AppendUint32(nil, agent.MaxMessage+1))
			_, _ = io.Copy(io.Discard, c)
		},
		"text": func(c net.Conn) {
			_, _ = readMessage(c)
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			c := scripted(t, r, script)
			_, err := await(t, r, c.RequestIdentities)
			mustBe(t, err, "list keys", agent.ErrConnectionLost)
			if err != nil && (name == "too long" || name == "text") != strings.Contains(err.Error(), "exceeds the limit") {
				t.Errorf("the cause is another one: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "agent at pipe") {
				t.Errorf("the error does not name the agent: %v", err)
			}
			_, err = await(t, r, c.RemoveAllIdentities)
			mustBe(t, err, "remove all keys", agent.ErrConnectionLost)
		})
	}
}

// TestF36_AgentThatNeverAnswers: the time limit ends the request, and the ones
// that wait behind it.
func TestF36_AgentThatNeverAnswers(t *testing.T) {
	r := start(t)
	c := scripted(t, r, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	c.Timeout = time.Millisecond
	var second *deferredtest.Observer[deferred.Void]
	_, err := await(t, r, func() deferred.Deferred[[]agent.Identity] {
		d := c.RequestIdentities()
		second = deferredtest.Observe(c.Lock(nil))
		return d
	})
	mustBe(t, err, "list keys", agent.ErrTimeout)
	mustBe(t, err, "list keys", agent.ErrConnectionLost)
	onLoop(t, r, func() { mustBe(t, second.Err, "lock", agent.ErrTimeout) })
}

// TestC_KEYS_22_Close: Close ends the request in progress and all that wait, at
// any time, and once.
func TestC_KEYS_22_Close(t *testing.T) {
	r := start(t)
	asked := make(chan struct{})
	c := scripted(t, r, func(conn net.Conn) {
		_, _ = readMessage(conn)
		close(asked)
		_, _ = io.Copy(io.Discard, conn)
	})
	var first deferred.Deferred[[]agent.Identity]
	var second *deferredtest.Observer[deferred.Void]
	onLoop(t, r, func() {
		first = c.RequestIdentities()
		second = deferredtest.Observe(c.Lock(nil))
	})
	<-asked
	_, err := await(t, r, func() deferred.Deferred[[]agent.Identity] {
		c.Close()
		mustBe(t, second.Err, "lock", agent.ErrClosed)
		c.Close()
		return first
	})
	mustBe(t, err, "list keys", agent.ErrClosed)
	_, err = await(t, r, c.RequestIdentities)
	mustBe(t, err, "list keys", agent.ErrClosed)
}

// TestReactorEndsRequest: the end of the reactor ends a request that would wait
// for ever; CheckGoroutines finds what is left.
func TestReactorEndsRequest(t *testing.T) {
	r := start(t)
	asked := make(chan struct{})
	c := scripted(t, r, func(conn net.Conn) {
		_, _ = readMessage(conn)
		close(asked)
		_, _ = io.Copy(io.Discard, conn)
	})
	failed := make(chan error, 1)
	onLoop(t, r, func() { c.RequestIdentities().OnError(func(err error) { failed <- err }) })
	<-asked
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	err := <-failed
	mustBe(t, err, "list keys", agent.ErrConnectionLost)
	mustBe(t, err, "list keys", reactor.ErrReactorEnded)
}

// TestOrderAndCancel: requests are sent in order, one at a time; a cancelled
// one that was not sent is never sent, and the reply to one that was sent is
// dropped.
func TestOrderAndCancel(t *testing.T) {
	r := start(t)
	asked, reply := make(chan byte), make(chan struct{})
	c := scripted(t, r, func(conn net.Conn) {
		for {
			m, err := readMessage(conn)
			if err != nil {
				return
			}
			asked <- m[0]
			<-reply
			if _, err := conn.Write(frame("\x06")); err != nil {
				return
			}
		}
	})
	var lock, unlock, removeAll *deferredtest.Observer[deferred.Void]
	onLoop(t, r, func() {
		lock, unlock = deferredtest.Observe(c.Lock(nil)), deferredtest.Observe(c.Unlock(nil))
		removeAll = deferredtest.Observe(c.RemoveAllIdentities())
		unlock.Cancel()
	})
	if got := <-asked; got != 22 {
		t.Errorf("first request %d, want lock", got)
	}
	onLoop(t, r, lock.Cancel)
	reply <- struct{}{}
	if got := <-asked; got != 19 {
		t.Errorf("second request %d, want remove all", got)
	}
	last := make(chan struct{})
	onLoop(t, r, func() { c.Lock(nil).OnValue(func(deferred.Void) { close(last) }) })
	reply <- struct{}{}
	<-asked
	reply <- struct{}{}
	<-last
	onLoop(t, r, func() {
		if !errors.Is(lock.Err, deferred.ErrCancelled) || !errors.Is(unlock.Err, deferred.ErrCancelled) || !removeAll.Fired || removeAll.Err != nil {
			t.Errorf("%v, %v, %v", lock.Err, unlock.Err, removeAll.Err)
		}
	})
}

// TestQueueIsBounded: an agent that does not answer lets only so many requests
// wait.
func TestQueueIsBounded(t *testing.T) {
	r := start(t)
	c := scripted(t, r, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	onLoop(t, r, func() {
		all := make([]*deferredtest.Observer[deferred.Void], agent.MaxQueued+2)
		for i := range all {
			all[i] = deferredtest.Observe(c.Lock(nil))
		}
		if all[agent.MaxQueued].Fired {
			t.Error("the last one that may wait has failed")
		}
		mustBe(t, all[agent.MaxQueued+1].Err, "lock", agent.ErrQueueFull)
		c.Close()
		mustBe(t, all[agent.MaxQueued].Err, "lock", agent.ErrClosed)
	})
}

// TestWrongRequests fail on this side; the connection stays.
func TestWrongRequests(t *testing.T) {
	r := start(t)
	c := scripted(t, r, replies("\x06"))
	signer, err := ed25519().Signer()
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() deferred.Deferred[any]{
		"public key": func() deferred.Deferred[any] {
			return deferred.Any(c.AddIdentity(ed25519().Public(), agent.AddOptions{}))
		},
		"no key": func() deferred.Deferred[any] { return deferred.Any(c.AddIdentity(nil, agent.AddOptions{})) },
		"held by a signer": func() deferred.Deferred[any] {
			return deferred.Any(c.AddIdentity(newKey(t, signer), agent.AddOptions{}))
		},
		"negative lifetime": func() deferred.Deferred[any] {
			return deferred.Any(c.AddIdentity(ed25519(), agent.AddOptions{Lifetime: -1}))
		},
		"long lifetime": func() deferred.Deferred[any] {
			return deferred.Any(c.AddIdentity(ed25519(), agent.AddOptions{Lifetime: 1 << 32 * time.Second}))
		},
		"certificate of another key": func() deferred.Deferred[any] {
			return deferred.Any(c.AddIdentity(ed25519(), agent.AddOptions{Certificate: certify(t, testKeys()[1])}))
		},
		"too long": func() deferred.Deferred[any] {
			return deferred.Any(c.SignData(ed25519().PublicKey(), make([]byte, agent.MaxMessage), ""))
		},
	} {
		_, err := await(t, r, ask)
		if name == "no key" && !errors.As(err, new(*deferred.PanicError)) {
			t.Errorf("%s: %v, want a PanicError", name, err)
		}
		if !errors.As(err, new(*agent.OpError)) || errors.Is(err, agent.ErrConnectionLost) || errors.Is(err, agent.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, r, c.RemoveAllIdentities)
}

// TestC_KEYS_20_OldAgent: an agent that ignores the algorithm makes a signature
// that a server would refuse.
func TestC_KEYS_20_OldAgent(t *testing.T) {
	r := start(t)
	signature := gossh.Marshal(gossh.Signature{Format: gossh.KeyAlgoRSA, Blob: []byte("x")})
	c := scripted(t, r, replies("\x0e"+string(gossh.Marshal(struct{ S []byte }{signature}))))
	_, err := await(t, r, func() deferred.Deferred[*gossh.Signature] {
		return c.SignData(testKeys()[0].PublicKey(), nil, gossh.KeyAlgoRSASHA512)
	})
	if err == nil || !strings.Contains(err.Error(), `"ssh-rsa" instead of "rsa-sha2-512"`) {
		t.Error(err)
	}
	must(t, r, func() deferred.Deferred[*gossh.Signature] { return c.SignData(testKeys()[0].PublicKey(), nil, "") })
}

// TestC_KEYS_21_UnknownKey: a key of a kind that x/crypto does not know is
// listed, because the user may want to see or remove it, but not offered.
func TestC_KEYS_21_UnknownKey(t *testing.T) {
	blob := gossh.Marshal(struct{ Type, Rest string }{"ssh-new@example.com", "x"})
	list := gossh.Marshal(struct {
		N       uint32
		Blob    []byte
		Comment string
	}{1, blob, "c\x1b[2J"})
	r := start(t)
	c := scripted(t, r, replies("\x0c"+string(list)))
	listed := must(t, r, c.RequestIdentities)
	if len(listed) != 1 || listed[0].Key.Type() != "ssh-new@example.com" || string(listed[0].Key.Marshal()) != string(blob) || listed[0].Comment != "c\x1b[2J" {
		t.Errorf("%+v", listed)
	}
	if offered := must(t, r, c.GetPublicKeys); len(offered) != 0 {
		t.Errorf("offered: %v", offered)
	}
}

func TestConnectFails(t *testing.T) {
	r := start(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		env, path, says string
		cause           error
	}{
		{"", "", "SSH_AUTH_SOCK is not set", agent.ErrNoAgent},
		{missing, "", missing, os.ErrNotExist},
		{"", missing, missing, os.ErrNotExist},
		{`\\.\pipe\openssh-ssh-agent`, "", "named pipes are not supported", nil},
	} {
		t.Setenv("SSH_AUTH_SOCK", tt.env)
		_, err := await(t, r, func() deferred.Deferred[*agent.SSHAgentClient] { return agent.Connect(r, tt.path) })
		if e, ok := errors.AsType[*agent.OpError](err); !ok || e.Op != "connect" || !strings.Contains(err.Error(), tt.says) || tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("%q, %q: %v", tt.env, tt.path, err)
		}
	}
}

// TestF26_AgentsName: the address of an agent is shown printable.
func TestF26_AgentsName(t *testing.T) {
	err := &agent.OpError{Op: "sign", Agent: "/tmp/\x1b[2J", Err: errors.New("x\x1b]0;y\a\nz")}
	if got, want := err.Error(), `agent: sign (agent at /tmp/\x1b[2J): x\x1b]0;y\a z`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzReplies has an agent answer anything. The request ends, with an error of
// this package if it fails.
func FuzzReplies(f *testing.F) {
	for _, m := range []string{"\x05", "\x06", "\x0c\x00\x00\x00\x00", "\x0e\x00\x00\x00\x0a\x00\x00\x00\x01x\x00\x00\x00\x01y", "\x02", ""} {
		f.Add(frame(m))
	}
	r := reactortest.Start(f, reactor.Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for op, ask := range operations {
			c := scripted(t, r, func(conn net.Conn) {
				_, _ = readMessage(conn)
				_, _ = conn.Write(data)
			})
			_, err := await(t, r, func() deferred.Deferred[any] { return ask(c) })
			if e, ok := errors.AsType[*agent.OpError](err); err != nil && (!ok || e.Op != op) {
				t.Fatalf("%s: %v", op, err)
			}
			onLoop(t, r, c.Close)
		}
	})
}
