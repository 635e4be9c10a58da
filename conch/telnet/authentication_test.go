package telnet_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/telnet"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// user is an avatar that records its end.
type user struct {
	recorder
	made func()
}

func (u *user) ConnectionMade() {
	u.add("made")
	if u.made != nil {
		u.made()
	}
}

func (u *user) Logout() { u.add("logout") }

// loginRealm is a realm of users. Its answers may wait, and its avatars may
// fail.
type loginRealm struct {
	*journal
	answer func(u *user) deferred.Deferred[*user] // nil means at once
	minds  []any
}

func (r *loginRealm) RequestAvatar(name string, mind any) deferred.Deferred[*user] {
	r.add("avatar", name)
	r.minds = append(r.minds, mind)
	u := &user{recorder: recorder{journal: r.journal}}
	if r.answer != nil {
		return r.answer(u)
	}
	return deferred.Succeed(u)
}

// login is a connection with an AuthenticatingTelnetProtocol.
type login struct {
	*connection
	*loginRealm
	p     *telnet.AuthenticatingTelnetProtocol[*user]
	clock *reactortest.Clock
}

// newLogin connects a peer. The password of u is p. change, which may be nil,
// changes the protocol before.
func newLogin(t *testing.T, change func(l *login)) *login {
	t.Helper()
	r := &loginRealm{journal: &journal{}}
	l := &login{loginRealm: r, clock: reactortest.NewClock()}
	l.p = &telnet.AuthenticatingTelnetProtocol[*user]{
		Portal: cred.NewPortal(r, cred.InMemory(map[string]string{"u": "p", "\xe9\xff": "\xfe"})), Clock: l.clock,
	}
	if change != nil {
		change(l)
	}
	l.connection = connect(r.journal, l.p)
	l.connection.expect(t, "opening", `out "Username: "`)
	return l
}

func (l *login) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	l.connection.expect(t, what, want...)
}

var (
	doEcho, dontEcho = verb(telnet.DO, telnet.ECHO), verb(telnet.DONT, telnet.ECHO)
	willEchoPassword = event("out", verb(telnet.WILL, telnet.ECHO)+"Password: ")
	password         = event("out", "Password: ")
	wontEcho         = event("out", verb(telnet.WONT, telnet.ECHO))
	again            = event("out", "\r\nAuthentication failed\r\nUsername: ")
)

// TestT_TELNET_40_41_Login is the usual dialogue.
func TestT_TELNET_40_41_Login(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\n")
	l.expect(t, "name", willEchoPassword)
	l.in(doEcho)
	l.expect(t, "ECHO on")
	l.in("p\r\n")
	l.expect(t, "password", wontEcho)
	l.in("typed ahead\r\n")
	l.in(dontEcho)
	l.expect(t, "ECHO off", `avatar "u"`, "made", `disableLocal "\x01"`)
	l.in("hello" + iac(246) + verb(telnet.WILL, 31))
	l.expect(t, "then", `data "hello"`, `command "\xf6" <nil>`, `enableRemote "\x1f" false`, event("out", iac(254, 31)))
	if l.minds[0] != any(l.TelnetTransport) {
		t.Errorf("the mind is a %T", l.minds[0])
	}
	l.clock.Advance(time.Hour)
	l.expect(t, "an hour later")
	l.lose()
	l.expect(t, "loss", "lost", "logout")
}

// TestT_TELNET_41_Refused: a failed attempt is reported after a second, and the
// third one ends the connection.
func TestT_TELNET_41_Refused(t *testing.T) {
	l := newLogin(t, nil)
	for try := range 3 {
		l.in("u\r\n" + doEcho + "wrong\r\n" + dontEcho)
		l.expect(t, "attempt", willEchoPassword, wontEcho)
		l.clock.Advance(999 * time.Millisecond)
		l.in("typed ahead\r\n")
		l.expect(t, "before the second")
		l.clock.Advance(time.Millisecond)
		if try < 2 {
			l.expect(t, "report", again)
		}
	}
	l.expect(t, "the last report", `out "\r\nAuthentication failed\r\n"`, "close")
	l.in("u\r\n")
	l.clock.Advance(4999 * time.Millisecond)
	l.expect(t, "closing")
	l.clock.Advance(time.Millisecond)
	l.expect(t, "a peer that does not read", "abort")
	l.lose()
	l.clock.Advance(time.Hour)
	l.expect(t, "loss")
}

// TestT_TELNET_41_RefusedThenAccepted: an attempt after a failed one may
// succeed.
func TestT_TELNET_41_RefusedThenAccepted(t *testing.T) {
	l := newLogin(t, func(l *login) { l.p.FailureDelay, l.p.MaxAuthTries = -1, 5 })
	for range 4 {
		l.in("u\r\n" + doEcho + "wrong\r\n" + dontEcho)
		l.expect(t, "attempt", willEchoPassword, wontEcho, again)
	}
	l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
	l.expect(t, "last attempt", willEchoPassword, wontEcho, `avatar "u"`, "made", `disableLocal "\x01"`)
}

// TestT_TELNET_41_NoLimits: negative values mean no limits.
func TestT_TELNET_41_NoLimits(t *testing.T) {
	l := newLogin(t, func(l *login) { l.p.FailureDelay, l.p.MaxAuthTries, l.p.LoginGraceTime = -1, -1, -1 })
	for range 50 {
		l.in("u\r\n" + doEcho + "wrong\r\n" + dontEcho)
		l.expect(t, "attempt", willEchoPassword, wontEcho, again)
		l.clock.Advance(time.Hour)
	}
	l.expect(t, "two days later")
}

// TestT_TELNET_41_GraceTime: the login has a time limit, in each of its steps.
func TestT_TELNET_41_GraceTime(t *testing.T) {
	for name, step := range map[string]string{
		"nothing": "", "half a name": "u", "name": "u\r\n", "ECHO": "u\r\n" + doEcho,
		"half a password": "u\r\n" + doEcho + "p",
		"password":        "u\r\n" + doEcho + "p\r\n", "login": "u\r\n" + doEcho + "p\r\n" + dontEcho,
	} {
		cancelled := false
		l := newLogin(t, func(l *login) {
			l.answer = func(*user) deferred.Deferred[*user] {
				return deferred.New(func(deferred.Deferred[*user]) { cancelled = true })
			}
		})
		l.in(step)
		l.clock.Advance(telnet.DefaultLoginGraceTime - time.Nanosecond)
		asked := slices.Contains(l.take(), `avatar "u"`)
		l.clock.Advance(time.Nanosecond)
		l.expect(t, name, `out "\r\nLogin timed out\r\n"`, "close")
		if cancelled != asked {
			t.Errorf("%s: login begun %v, cancelled %v", name, asked, cancelled)
		}
		l.lose()
		l.clock.Advance(time.Hour)
		l.expect(t, name+", later")
	}
	l := newLogin(t, func(l *login) { l.p.LoginGraceTime = time.Second })
	l.clock.Advance(time.Second)
	l.expect(t, "own limit", `out "\r\nLogin timed out\r\n"`, "close")
}

// TestT_TELNET_42_LostDuringTheLogin: an avatar that comes too late is logged
// out, and never connected.
func TestT_TELNET_42_LostDuringTheLogin(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		l := newLogin(t, func(l *login) {
			l.answer = func(u *user) deferred.Deferred[*user] {
				return deferred.New(func(d deferred.Deferred[*user]) {
					if !cancels {
						d.Callback(u) // too late to cancel
					}
				})
			}
		})
		l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
		l.take()
		l.lose()
		if cancels {
			l.expect(t, "cancelled")
			continue
		}
		l.expect(t, "too late", "logout")
	}
	l := newLogin(t, nil)
	l.in("u\r\n")
	l.take()
	l.lose()
	l.expect(t, "no login")
	l.clock.Advance(time.Hour)
	l.expect(t, "no login, later")
}

// TestT_TELNET_42_AvatarCloses: an avatar may close the connection at once.
func TestT_TELNET_42_AvatarCloses(t *testing.T) {
	l := newLogin(t, func(l *login) {
		l.answer = func(u *user) deferred.Deferred[*user] {
			u.made = func() { l.lose() }
			return deferred.Succeed(u)
		}
	})
	l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
	l.expect(t, "all", willEchoPassword, wontEcho, `avatar "u"`, "made", "lost", "logout")
}

// TestLoginPanics: a panic of the realm is a failed attempt; one of the avatar
// ends the connection, and the avatar is logged out.
func TestLoginPanics(t *testing.T) {
	l := newLogin(t, func(l *login) { l.answer = func(*user) deferred.Deferred[*user] { panic("no realm") } })
	l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
	l.clock.Advance(time.Second)
	l.expect(t, "realm", willEchoPassword, wontEcho, `avatar "u"`, again)

	l = newLogin(t, func(l *login) {
		l.answer = func(u *user) deferred.Deferred[*user] {
			u.made = func() { panic("no avatar") }
			return deferred.Succeed(u)
		}
	})
	l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
	l.expect(t, "avatar", willEchoPassword, wontEcho, `avatar "u"`, "made", "abort")
	l.lose()
	l.expect(t, "loss", "lost", "logout")
}

// TestLoginWithoutAnAvatar: a realm that returns nil, or a zero Deferred,
// refuses.
func TestLoginWithoutAnAvatar(t *testing.T) {
	for name, d := range map[string]func() deferred.Deferred[*user]{
		"nil":   func() deferred.Deferred[*user] { return deferred.Succeed[*user](nil) },
		"zero":  func() deferred.Deferred[*user] { return deferred.Deferred[*user]{} },
		"error": func() deferred.Deferred[*user] { return deferred.Fail[*user](errors.New("no database")) },
	} {
		l := newLogin(t, func(l *login) { l.answer = func(*user) deferred.Deferred[*user] { return d() } })
		l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
		l.clock.Advance(time.Second)
		l.expect(t, name, willEchoPassword, wontEcho, `avatar "u"`, again)
	}
}

// TestIncompleteProtocol: a Portal and a Clock are needed.
func TestIncompleteProtocol(t *testing.T) {
	defer func() {
		if v := fmt.Sprint(recover()); !strings.Contains(v, "needs a Portal and a Clock") {
			t.Error(v)
		}
	}()
	connect(&journal{}, &telnet.AuthenticatingTelnetProtocol[*user]{})
}

// TestT_TELNET_43_EchoRefused: a client may refuse ECHO.
func TestT_TELNET_43_EchoRefused(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\n" + dontEcho + "p\r\n")
	l.expect(t, "all", willEchoPassword, `avatar "u"`, "made")
}

// TestT_TELNET_43_EchoUnanswered: the login waits three seconds for the answers
// about ECHO. A client that knows no telnet gives none.
func TestT_TELNET_43_EchoUnanswered(t *testing.T) {
	for name, tt := range map[string]struct{ wire, late string }{
		"line by line": {"u\r\n|p\r\n", ""},
		"in one chunk": {"u\r\np\r\n", ""},
		"LF":           {"u\np\n", ""},
		"late answer":  {"u\r\np\r\n", doEcho},
	} {
		l := newLogin(t, nil)
		for _, chunk := range strings.Split(tt.wire, "|") {
			l.in(chunk)
		}
		l.expect(t, name, willEchoPassword)
		l.clock.Advance(3*time.Second - time.Nanosecond)
		l.expect(t, name+": before the limit")
		l.clock.Advance(time.Nanosecond)
		l.expect(t, name+": login", `avatar "u"`, "made")
		l.in("hello" + tt.late)
		if tt.late == "" {
			l.expect(t, name+": then", `data "hello"`)
		} else { // the avatar did not ask for ECHO
			l.expect(t, name+": then", `data "hello"`, wontEcho, `enableLocal "\x01" false`)
		}
	}
}

// TestT_TELNET_43_EchoAnsweredAfterThePassword: a fast typist's client answers
// about ECHO in its own time, and the login follows.
func TestT_TELNET_43_EchoAnsweredAfterThePassword(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\np\r\n")
	l.clock.Advance(2 * time.Second)
	l.expect(t, "both lines", willEchoPassword)
	l.in(doEcho)
	l.expect(t, "DO", wontEcho)
	l.in(dontEcho)
	l.expect(t, "DONT", `avatar "u"`, "made", `disableLocal "\x01"`)
}

// TestT_TELNET_43_EchoOffUnanswered: a client that turns its echo off and never
// confirms that it is on again.
func TestT_TELNET_43_EchoOffUnanswered(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\n" + doEcho + "p\r\n")
	l.expect(t, "password", willEchoPassword, wontEcho)
	l.clock.Advance(3 * time.Second)
	l.expect(t, "login", `avatar "u"`, "made")
	l.in(dontEcho)
	l.expect(t, "late", `disableLocal "\x01"`)
}

// TestT_TELNET_43_SecondAttemptUnanswered: a request about ECHO that is still
// pending does not stop the next attempt.
func TestT_TELNET_43_SecondAttemptUnanswered(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\nwrong\r\n")
	l.clock.Advance(3 * time.Second)
	l.clock.Advance(time.Second)
	l.expect(t, "first", willEchoPassword, again)
	l.in("u\r\np\r\n")
	l.expect(t, "second", password, `avatar "u"`, "made")
}

// TestT_TELNET_43_AllOrders: the messages of a login in each order, and cut at
// each place. If the lines are right the login succeeds, and otherwise the
// connection ends.
func TestT_TELNET_43_AllOrders(t *testing.T) {
	permutations([]string{"u\r\n", doEcho, "p\r\n", dontEcho, "hello"}, func(order []string) {
		wire := strings.Join(order, "")
		text := strings.NewReplacer(doEcho, "", dontEcho, "").Replace(wire)
		for cut := range len(wire) + 1 {
			if !long && cut%5 != 0 {
				continue
			}
			l := newLogin(t, nil)
			l.in(wire[:cut])
			l.clock.Advance(time.Second)
			l.in(wire[cut:])
			l.clock.Advance(3 * time.Second)
			loggedIn := slices.Contains(l.take(), "made")
			if right := strings.HasPrefix(text, "u\r\np\r\n"); loggedIn != right {
				t.Errorf("%q, cut at %d: logged in %v", wire, cut, loggedIn)
			}
			l.clock.Advance(telnet.DefaultLoginGraceTime)
			if l.connection.TelnetTransport.Disconnecting() == loggedIn {
				t.Errorf("%q, cut at %d: logged in %v, closed %v", wire, cut, loggedIn, !loggedIn)
			}
		}
	})
}

// permutations calls f with each order of the items.
func permutations(items []string, f func([]string)) {
	if len(items) == 1 {
		f(items)
		return
	}
	for i := range items {
		rest := slices.Concat(items[:i], items[i+1:])
		permutations(rest, func(order []string) { f(append([]string{items[i]}, order...)) })
	}
}

// TestT_TELNET_34_LoginWithCR: clients that end lines with CR NUL or CR log in.
func TestT_TELNET_34_LoginWithCR(t *testing.T) {
	l := newLogin(t, nil)
	l.in("u\r\x00")
	l.in(doEcho)
	l.in("p\r\x00")
	l.in(dontEcho)
	l.expect(t, "CR NUL", willEchoPassword, wontEcho, `avatar "u"`, "made", `disableLocal "\x01"`)
}

// TestT_TELNET_44_Offers: all offers are refused, and names and passwords are
// bytes.
func TestT_TELNET_44_Offers(t *testing.T) {
	l := newLogin(t, nil)
	l.in(verb(telnet.WILL, telnet.NAWS) + verb(telnet.DO, telnet.SGA) + doEcho)
	l.expect(t, "offers", event("out", iac(254, 31)+iac(252, 3)+iac(252, 1)))
	l.in("\xe9\xff\xff\r\n" + doEcho + "\xfe\r\n" + dontEcho)
	l.expect(t, "bytes", willEchoPassword, wontEcho, event("avatar", "\xe9\xff"), "made", `disableLocal "\x01"`)
}

// TestLoginRecords: the log has names, but no passwords.
func TestLoginRecords(t *testing.T) {
	log := reactortest.NewLog(t)
	l := newLogin(t, nil)
	l.TelnetTransport.Logger = log.Logger()
	l.in("u\x1b\r\n" + doEcho + "secret\r\n" + dontEcho)
	l.clock.Advance(time.Second)
	l.in("u\r\n" + doEcho + "p\r\n" + dontEcho)
	refused, accepted := log.Take("telnet: login refused"), log.Take("telnet: login accepted")
	if len(refused) != 1 || len(accepted) != 1 || !strings.Contains(refused[0],
		`user=u\x1b `) || !strings.Contains(accepted[0], "peer="+l.Peer.String()) {
		t.Errorf("%q, %q", refused, accepted)
	}
	if strings.Contains(strings.Join(append(refused, log.Records()...), ""), "secret") {
		t.Error("the log has the password")
	}
}

var _ reactor.Protocol = (*user)(nil)
