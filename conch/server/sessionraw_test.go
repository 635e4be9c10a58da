package server_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	gossh "golang.org/x/crypto/ssh"
)

// sessionRealm gives each user an avatar that opens sessions.
type sessionRealm struct {
	session func() server.Session
	avatar  func(*server.ConchUser) // changes the avatar; may be nil
}

func (r sessionRealm) RequestAvatar(string, any) deferred.Deferred[server.Avatar] {
	u := &server.ConchUser{}
	u.Channels = map[string]func([]byte) deferred.Deferred[conch.Channel]{"session": server.NewSession(u, r.session)}
	if r.avatar != nil {
		r.avatar(u)
	}
	return deferred.Succeed[server.Avatar](u)
}

// serveSessions starts a server on which alice can log in with a password and
// open sessions.
func serveSessions(t *testing.T, r sessionRealm, restrictions ...cred.Restrictions) *bed {
	t.Helper()
	return serve(t, func(f *server.SSHFactory) {
		f.Portal = cred.NewPortal(r, passwords("alice", "secret"))
		for _, one := range restrictions {
			f.Restrictions = one
		}
	})
}

// serveSession is serveSessions for one kind of session.
func serveSession(t *testing.T, session func() server.Session, restrictions ...cred.Restrictions) *bed {
	t.Helper()
	return serveSessions(t, sessionRealm{session: session}, restrictions...)
}

// shell returns a session that runs programs with /bin/sh.
func shell() server.Session { return &server.ProgramSession{Shell: "/bin/sh", Dir: "/"} }

// alice logs in with x/crypto/ssh.
func (b *bed) alice(t *testing.T) *gossh.Client {
	t.Helper()
	c, err := gossh.Dial("tcp", b.addr, b.config("alice", gossh.Password("secret")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// rawLogin logs in with packets.
func (b *bed) rawLogin(t *testing.T, version string) *rawConn {
	t.Helper()
	return rawLogin(t, b.addr, version, func(s *rawSSH) (byte, error) { return s.password("alice", "secret") })
}

func rawLogin(t *testing.T, addr, version string, authenticate func(*rawSSH) (byte, error)) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(sshtest.Patience)) // it is open
	s, err := newRawSSHAs(&rawClient{c, bufio.NewReader(c)}, version)
	if err == nil {
		err = s.authenticate()
	}
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := authenticate(s); answer != 52 || err != nil {
		t.Fatalf("the login: %d, %v", answer, err)
	}
	return &rawConn{t: t, rawSSH: s, conn: c}
}

// besideSSHD calls f with a client of a server of ours, and with a client of
// OpenSSH's sshd, which is the model. sshd is slow, so most tests use it only in
// the long form.
func besideSSHD(t *testing.T, when sshdWhen, version string, session func() server.Session, f func(t *testing.T, c *rawConn)) {
	t.Run("hawser", func(t *testing.T) { f(t, serveSession(t, session).rawLogin(t, version)) })
	if when == always || os.Getenv("HAWSER_LONG") != "" {
		t.Run("sshd", func(t *testing.T) { f(t, sshdClient(t, version)) })
	}
}

type sshdWhen bool

const (
	always     sshdWhen = true
	inLongForm sshdWhen = false
)

// rawLoginKey logs in to OpenSSH's sshd with packets.
func rawLoginKey(t *testing.T, s *conchtest.OpenSSH, version string) *rawConn {
	t.Helper()
	raw, err := os.ReadFile(s.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParsePrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return rawLogin(t, s.Addr.String(), version, func(c *rawSSH) (byte, error) { return c.prove(s.User, key.PublicKey(), key) })
}

const newOpenSSH = "SSH-2.0-OpenSSH_9.2p1 test"

// rawConn is a connection that has sessions. They are used one after another.
type rawConn struct {
	*rawSSH
	t    *testing.T
	conn net.Conn
	last uint32 // the number of the last session
}

// rawSession is a session channel whose messages a test sends and receives.
type rawSession struct {
	*rawConn
	ours, theirs uint32
	closed       bool
}

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func (c *rawConn) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// receiveMessage returns the next message. It answers global requests.
func (c *rawConn) receiveMessage() ([]byte, error) {
	for {
		p, err := c.receive()
		if err != nil || p[0] != 80 {
			return p, err
		}
		if _, rest := take(p[1:]); rest[0] != 0 {
			if err := c.send([]byte{82}); err != nil {
				return nil, err
			}
		}
	}
}

// open opens a session with a window that is large enough for all data of a
// test.
func (c *rawConn) open() *rawSession {
	c.t.Helper()
	c.last++
	s := &rawSession{rawConn: c, ours: c.last}
	c.must(c.send(join([]byte{90}, str([]byte("session")), u32(s.ours), u32(1<<30), u32(32<<10))))
	for {
		p, err := c.receiveMessage()
		c.must(err)
		switch p[0] {
		case 91:
			s.theirs = binary.BigEndian.Uint32(p[5:])
			return s
		case 92:
			c.t.Fatalf("the session was refused: %q", p)
		}
	}
}

// ask sends a request. reply is its byte want-reply.
func (s *rawSession) ask(name string, reply byte, payload []byte) {
	s.t.Helper()
	s.must(s.send(join([]byte{98}, u32(s.theirs), str([]byte(name)), []byte{reply}, payload)))
}

// asked sends a request and returns the answer.
func (s *rawSession) asked(name string, payload []byte) string {
	s.t.Helper()
	s.ask(name, 1, payload)
	return s.next()
}

func (s *rawSession) exec(command string) {
	s.t.Helper()
	if got := s.asked("exec", conch.NS(command)); got != "success" {
		s.t.Fatalf("exec: %s", got)
	}
}

func (s *rawSession) write(data string) {
	s.t.Helper()
	s.must(s.send(join([]byte{94}, u32(s.theirs), str([]byte(data)))))
}

func (s *rawSession) eof() {
	s.t.Helper()
	s.must(s.send(join([]byte{96}, u32(s.theirs))))
}

// close closes the session.
func (s *rawSession) close() {
	s.t.Helper()
	if !s.closed {
		s.closed = true
		s.must(s.send(join([]byte{97}, u32(s.theirs))))
	}
}

// next returns the next message for the session.
func (s *rawSession) next() string {
	s.t.Helper()
	for {
		p, err := s.receiveMessage()
		if err != nil {
			return "lost"
		}
		switch p[0] {
		case 94:
			data, _ := take(p[5:])
			return "data " + string(data)
		case 95:
			data, _ := take(p[9:])
			return "stderr " + string(data)
		case 96:
			return "eof"
		case 97:
			return "close"
		case 98:
			name, rest := take(p[5:])
			return request(string(name), rest)
		case 99:
			return "success"
		case 100:
			return "failure"
		}
	}
}

// request returns a request as text.
func request(name string, rest []byte) string {
	text := name
	switch name {
	case "exit-status":
		text = fmt.Sprint(name, " ", binary.BigEndian.Uint32(rest[1:]))
	case "exit-signal":
		signal, more := take(rest[1:])
		text = fmt.Sprintf("%s %s core=%d %q", name, signal, more[0], more[1:])
	}
	if rest[0] != 0 {
		text += " and wants a reply"
	}
	return text
}

// until returns the messages up to one that begins with the text. Data in
// several messages is joined.
func (s *rawSession) until(text string) (all []string) {
	s.t.Helper()
	for {
		all = joined(append(all, s.next()))
		if last := all[len(all)-1]; strings.HasPrefix(last, text) || last == "lost" {
			return all
		}
	}
}

// rest closes the session after the server, and returns the messages up to then.
func (s *rawSession) rest() []string {
	s.t.Helper()
	all := s.until("close")
	s.close()
	return all
}

// wantRest checks the rest. Exit status and end-of-file have no order: the one
// does not wait for the other.
func (s *rawSession) wantRest(want ...string) {
	s.t.Helper()
	got := s.rest()
	if i := slices.IndexFunc(got, func(m string) bool { return strings.HasPrefix(m, "exit-") }); i >= 0 && slices.Contains(got, "eof") {
		exit := got[i]
		got = slices.Delete(got, i, i+1)
		got = slices.Insert(got, slices.Index(got, "eof"), exit)
	}
	got = joined(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("received %q, want %q", got, want)
	}
}

// joined joins data that follows data: a program's output may come in pieces.
func joined(messages []string) (all []string) {
	for _, m := range messages {
		last := len(all) - 1
		kind, data, _ := strings.Cut(m, " ")
		if last >= 0 && (kind == "data" || kind == "stderr") && strings.HasPrefix(all[last], kind+" ") {
			all[last] += data
		} else {
			all = append(all, m)
		}
	}
	return all
}

// await waits until a condition is true.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(sshtest.Patience); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
		wait := make(chan struct{})
		time.AfterFunc(2*time.Millisecond, func() { close(wait) })
		<-wait
	}
}

func contains(all []string, one string) bool { return slices.Contains(all, one) }

// output closes the session after the server, and returns the data on stdout.
func (s *rawSession) output() (out string) {
	s.t.Helper()
	for _, message := range s.rest() {
		if data, ok := strings.CutPrefix(message, "data "); ok {
			out += data
		}
	}
	return out
}

// leave closes the session, and does nothing with the connection but to answer
// the server. The goroutine ends with the test.
func (s *rawSession) leave() {
	s.t.Helper()
	s.close()
	go func() {
		for s.next() != "lost" {
		}
	}()
}
