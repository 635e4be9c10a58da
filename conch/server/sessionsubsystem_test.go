package server_test

import (
	"fmt"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// echo is a subsystem that sends its input back. "quit" ends it with the exit
// status 255.
type echo struct {
	reactor.BaseProtocol
	atOnce bool // it ends when it begins
}

func (e *echo) ConnectionMade() {
	if e.atOnce {
		e.Transport().(*server.SSHSession).Exit(7)
	}
}

func (e *echo) DataReceived(p []byte) {
	if string(p) == "quit" {
		e.Transport().(*server.SSHSession).Exit(255)
		return
	}
	e.Transport().Write(p)
}

// halfEcho is an echo that has a last word.
type halfEcho struct{ echo }

func (e *halfEcho) ReadConnectionLost() {
	e.Transport().Write([]byte("bye"))
	e.Transport().LoseConnection()
}

func (e *halfEcho) WriteConnectionLost() {}

// endNoting notes the end of the input.
type endNoting struct {
	server.ProgramSession
	ended chan bool
}

func (e *endNoting) EOFReceived() { e.ended <- true }

// subsystems gives an avatar subsystems. late has those that are not there yet.
func subsystems(late chan<- deferred.Deferred[reactor.Protocol]) func(*server.ConchUser) {
	return func(u *server.ConchUser) {
		fixed := func(p reactor.Protocol) func([]byte) deferred.Deferred[reactor.Protocol] {
			return func([]byte) deferred.Deferred[reactor.Protocol] { return deferred.Succeed(p) }
		}
		u.Subsystems = map[string]func([]byte) deferred.Deferred[reactor.Protocol]{
			"echo": fixed(&echo{}), "half": fixed(&halfEcho{}), "none": fixed(nil), "once": fixed(&echo{atOnce: true}), "sftp": fixed(&echo{}),
			"zero":   func([]byte) deferred.Deferred[reactor.Protocol] { return deferred.Deferred[reactor.Protocol]{} },
			"panics": func([]byte) deferred.Deferred[reactor.Protocol] { panic("as planned") },
			"late": func([]byte) deferred.Deferred[reactor.Protocol] {
				d := deferred.New[reactor.Protocol]()
				late <- d
				return d
			},
			"payload": func(data []byte) deferred.Deferred[reactor.Protocol] {
				return deferred.Fail[reactor.Protocol](fmt.Errorf("the payload is %q", data))
			},
		}
	}
}

// TestV_SESSION_24_Subsystem: a subsystem ends with an exit status too. It is also
// about V-SESSION-20, C-SERVER-31, C-SERVER-40 and C-SERVER-45.
func TestV_SESSION_24_Subsystem(t *testing.T) {
	b := serveSessions(t, sessionRealm{avatar: subsystems(nil)})
	c := b.rawLogin(t, rawVersion)
	begin := func(name string) *rawSession {
		s := c.open()
		for _, unknown := range []string{"frobnicate", "none", "zero", "panics", "payload"} {
			if got := s.asked("subsystem", conch.NS(unknown)); got != "failure" {
				t.Errorf("%s: %s", unknown, got)
			}
		}
		if got := s.asked("signal", conch.NS("TERM")); got != "failure" {
			t.Errorf("a signal: %s", got)
		}
		if got := s.asked("subsystem", conch.NS(name)); got != "success" {
			t.Fatalf("%s: %s", name, got)
		}
		return s
	}
	s := begin("echo")
	s.write("a")
	if got := s.next(); got != "data a" {
		t.Error(got)
	}
	if got := s.asked("signal", conch.NS("TERM")); got != "failure" { // V-SESSION-15
		t.Errorf("a signal: %s", got)
	}
	s.eof()
	s.wantRest("exit-status 0", "eof", "close")

	s = begin("echo")
	s.write("quit")
	s.wantRest("exit-status 255", "eof", "close")

	s = begin("half")
	s.write("a")
	s.eof()
	s.wantRest("data abye", "exit-status 0", "eof", "close")

	s = begin("once") // the answer comes first
	s.wantRest("exit-status 7", "eof", "close")

	b.wait(`the payload is "\x00\x00\x00\apayload"`)
}

// TestV_SESSION_24_SSHD: OpenSSH's server is the model.
func TestV_SESSION_24_SSHD(t *testing.T) {
	s := sshdClient(t, rawVersion).open()
	if got := s.asked("subsystem", conch.NS("sftp")); got != "success" {
		t.Fatal(got)
	}
	s.eof()
	s.wantRest("exit-status 0", "eof", "close")
}

// TestC_SERVER_44_InputBeforeTheProgram is also about V-SESSION-4: input that
// precedes the program, and its end, reach the program.
func TestC_SERVER_44_InputBeforeTheProgram(t *testing.T) {
	late, ended := make(chan deferred.Deferred[reactor.Protocol], 1), make(chan bool, 1)
	session := func() server.Session {
		return &endNoting{ProgramSession: server.ProgramSession{Shell: "/bin/sh", Dir: "/"}, ended: ended}
	}
	b := serveSessions(t, sessionRealm{session: session, avatar: subsystems(late)})
	c := b.rawLogin(t, rawVersion)
	s := c.open()
	s.write("early ")
	s.exec("cat")
	s.write("late")
	s.eof()
	s.wantRest("data early late", "exit-status 0", "eof", "close")
	<-ended

	for _, p := range []reactor.Protocol{&echo{}, &halfEcho{}} {
		s = c.open()
		s.write("early ")
		s.ask("subsystem", 1, conch.NS("late"))
		s.write("and more")
		d := <-late
		s.eof()
		all := make(chan []string, 1)
		go func() { all <- s.rest() }()
		<-ended
		b.onLoop(func() { d.Callback(p) })
		want := "data early and more"
		if _, half := p.(*halfEcho); half {
			want += "bye"
		}
		got := <-all
		if len(got) != 5 || got[4] != "close" || !contains(got, want) || !contains(got, "success") || !contains(got, "exit-status 0") {
			t.Errorf("received %q, want %q", got, want)
		}
	}

	// More than a window of input while the program starts: the client waits.
	s = c.open()
	s.ask("subsystem", 1, conch.NS("late"))
	const size = 1 << 20
	for range size >> 14 {
		s.write(string(make([]byte, 16<<10)))
	}
	d := <-late
	s.eof()
	b.onLoop(func() { d.Callback(&echo{}) })
	total := 0
	for _, e := range s.rest() {
		if len(e) > 5 && e[:5] == "data " {
			total += len(e) - 5
		}
	}
	if total != size {
		t.Errorf("%d bytes came back, want %d", total, size)
	}
}

// TestC_SERVER_30_31_32_Avatar: the tables of an avatar.
func TestC_SERVER_30_31_32_Avatar(t *testing.T) {
	var avatar *server.ConchUser
	var payload []byte
	b := serveSessions(t, sessionRealm{session: shell, avatar: func(u *server.ConchUser) {
		avatar = u
		u.GlobalRequests = map[string]func([]byte) deferred.Deferred[[]byte]{
			"known@example.com": func(data []byte) deferred.Deferred[[]byte] {
				payload = data
				return deferred.Succeed([]byte("answer"))
			},
		}
	}})
	c := b.alice(t)
	_, _, err := c.OpenChannel("frobnicate@example.com", nil)
	if refused, ok := err.(*gossh.OpenChannelError); !ok || refused.Reason != gossh.UnknownChannelType {
		t.Errorf("an unknown type of channel: %v", err)
	}
	_, _, err = c.OpenChannel("direct-tcpip", nil) // not allowed unless ConchUser.Forwarding says so
	if refused, ok := err.(*gossh.OpenChannelError); !ok || refused.Reason != gossh.UnknownChannelType {
		t.Errorf("forwarding: %v", err)
	}
	if ok, _, err := c.SendRequest("frobnicate@example.com", true, nil); ok || err != nil {
		t.Errorf("an unknown request: %v, %v", ok, err)
	}
	ok, answer, err := c.SendRequest("known@example.com", true, []byte("question"))
	if !ok || err != nil || string(answer) != "answer" {
		t.Errorf("a known request: %v, %q, %v", ok, answer, err)
	}
	b.onLoop(func() {
		if string(payload) != "question" {
			t.Errorf("the payload is %q", payload)
		}
		if avatar.Conn() == nil || avatar.Conn().(server.Connection).Avatar() != server.Avatar(avatar) || avatar.Login().User != "alice" {
			t.Error("the avatar does not know its connection")
		}
	})
}

// TestC_SERVER_31_ForcedBuiltIn: the forced command internal-sftp is the
// subsystem, whatever the client asks for.
func TestC_SERVER_31_ForcedBuiltIn(t *testing.T) {
	forced := cred.Restrictions{Command: "internal-sftp"}
	c := serveSessions(t, sessionRealm{session: shell, avatar: subsystems(nil)}, forced).rawLogin(t, rawVersion)
	for _, kind := range []string{"exec", "shell", "subsystem"} {
		s := c.open()
		payload := conch.NS("true")
		if kind == "shell" {
			payload = nil
		}
		if got := s.asked(kind, payload); got != "success" {
			t.Fatalf("%s: %s", kind, got)
		}
		s.write("a")
		s.eof()
		s.wantRest("data a", "exit-status 0", "eof", "close")
	}
	// Options of internal-sftp are not known here, and must not be lost.
	forced.Command = "internal-sftp -R"
	s := serveSessions(t, sessionRealm{session: shell, avatar: subsystems(nil)}, forced).rawLogin(t, rawVersion).open()
	s.exec("true")
	if got := s.rest(); !contains(got, "exit-status 127") {
		t.Errorf("received %q", got)
	}
}

// nestedShell makes bash believe that it is not the first shell of an SSH
// session. Otherwise it reads ~/.bashrc, which may take any time.
const nestedShell = "SHLVL=1"

// sshdClient logs in to OpenSSH's sshd with packets.
func sshdClient(t *testing.T, version string, lines ...string) *rawConn {
	t.Helper()
	s := conchtest.NewOpenSSH(t, append(lines, "AcceptEnv LANG LC_*")...)
	return rawLoginKey(t, s, version)
}
