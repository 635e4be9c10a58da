package telnet

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// Defaults of AuthenticatingTelnetProtocol.
const (
	DefaultLoginGraceTime = 120 * time.Second
	DefaultMaxAuthTries   = 3
	DefaultFailureDelay   = time.Second
)

const (
	// echoTimeout is the longest time that a login waits for the peer's answers
	// about ECHO. A peer without telnet, such as nc, never answers.
	echoTimeout = 3 * time.Second

	// closeTimeout is the time for a refused peer to read the reason.
	closeTimeout = 5 * time.Second
)

// AuthenticatingTelnetProtocol asks for a name and a password. After the login,
// the avatar of the portal, an A, becomes the Protocol of the
// [TelnetTransport]. It is Twisted's AuthenticatingTelnetProtocol.
//
// The credentials are a *[cred.UsernamePassword], whose strings may have any
// bytes but line ends. The mind is the *TelnetTransport. If the avatar has a
// method Logout(), Logout is called once, after the avatar's ConnectionLost.
//
// ECHO is on while the user types the password, so that the client does not
// show the password. A client that refuses ECHO, or never answers, can log in
// too. Lines that arrive between the password and the login are dropped.
type AuthenticatingTelnetProtocol[A Protocol] struct {
	StatefulTelnetProtocol

	// Portal decides about logins. It must not be nil.
	Portal *cred.Portal[A]

	// Clock measures the times below: the reactor. It must not be nil.
	Clock reactor.Clock

	// LoginGraceTime is the longest time from the connection to the login. 0
	// means DefaultLoginGraceTime; a negative value means no limit.
	LoginGraceTime time.Duration

	// MaxAuthTries is the number of failed attempts that end the connection. 0
	// means DefaultMaxAuthTries; a negative value means no limit.
	MaxAuthTries int

	// FailureDelay is the time from a failed attempt to its report. 0 means
	// DefaultFailureDelay; a negative value means none.
	FailureDelay time.Duration

	credentials cred.UsernamePassword
	echo        deferred.Deferred[struct{}] // fires when the peer has answered about ECHO
	login       deferred.Deferred[A]        // the login in progress; zero if there is none
	tries       int                         // failed attempts
	ending      bool                        // a login that succeeds now is undone
	grace       *reactor.DelayedCall        // ends the time for the login; may be nil
	delay       *reactor.DelayedCall        // reports a failed attempt, or ends the connection; may be nil
}

var _ Protocol = (*AuthenticatingTelnetProtocol[Protocol])(nil)

var errIncomplete = errors.New("telnet: AuthenticatingTelnetProtocol needs a Portal and a Clock; set both fields")

// ConnectionMade asks for the name. It panics if Portal or Clock is nil.
func (a *AuthenticatingTelnetProtocol[A]) ConnectionMade() {
	if a.Portal == nil || a.Clock == nil {
		panic(errIncomplete)
	}
	if limit := cmp.Or(a.LoginGraceTime, DefaultLoginGraceTime); limit > 0 {
		a.grace = a.Clock.CallLater(limit, a.timedOut)
	}
	a.askName("")
}

// ConnectionLost cancels a login in progress. After a login it is not called,
// because the avatar is the Protocol then.
func (a *AuthenticatingTelnetProtocol[A]) ConnectionLost(error) { a.stop() }

// askName begins an attempt.
func (a *AuthenticatingTelnetProtocol[A]) askName(message string) {
	a.Transport().Write([]byte(message + "Username: "))
	a.SetState(a.nameReceived)
}

// nameReceived asks for the password.
func (a *AuthenticatingTelnetProtocol[A]) nameReceived(line []byte) State {
	a.credentials.Username = string(line)
	a.hideEcho()
	a.Transport().Write([]byte("Password: "))
	return a.passwordReceived
}

// hideEcho turns ECHO on. If the answer arrives after echoTimeout, it turns
// ECHO off again.
func (a *AuthenticatingTelnetProtocol[A]) hideEcho() {
	echo, t := deferred.New[struct{}](), a.Telnet()
	a.echo = echo
	t.Will(ECHO).OnResult(func(on bool, _ error) {
		if late := echo.Called(); late && on {
			t.Wont(ECHO).OnError(a.ignore)
		} else {
			_ = echo.TryCallback(struct{}{}) // an error means that it is late
		}
	}).OnError(a.failed)
}

// ignore logs the failure of a request about ECHO.
func (a *AuthenticatingTelnetProtocol[A]) ignore(err error) {
	a.logger().Debug("telnet: ECHO not turned off", "err", err)
}

// passwordReceived turns ECHO off. The login follows when the peer has
// answered, or after echoTimeout.
func (a *AuthenticatingTelnetProtocol[A]) passwordReceived(line []byte) State {
	a.credentials.Password = string(line)
	shown := deferred.ThenBothDeferred(a.echo, func(struct{}, error) deferred.Deferred[bool] {
		return a.Telnet().Wont(ECHO)
	})
	shown.AddTimeout(a.Clock, echoTimeout).OnResult(func(bool, error) { a.tryLogin() }).OnError(a.failed)
	return Discard
}

// tryLogin asks the portal.
func (a *AuthenticatingTelnetProtocol[A]) tryLogin() {
	if a.ending || a.Telnet().closing() {
		return
	}
	credentials := a.credentials
	a.credentials = cred.UsernamePassword{}
	a.login = deferred.MaybeDeferred(func() deferred.Deferred[A] { return a.Portal.Login(&credentials, a.Telnet()) })
	a.login.OnResult(func(avatar A, err error) { a.loginEnded(credentials.Username, avatar, err) }).OnError(a.failed)
}

// loginEnded handles the answer of the portal.
func (a *AuthenticatingTelnetProtocol[A]) loginEnded(name string, avatar A, err error) {
	a.login = deferred.Deferred[A]{}
	var none A
	if err == nil && any(avatar) == any(none) {
		err = errors.New("telnet: the realm has returned no avatar")
	}
	switch {
	case a.ending && err == nil: // the realm has ignored the cancellation
		logout(avatar)
	case a.ending:
	case err != nil:
		a.refused(name, err)
	default:
		a.log(slog.LevelInfo, "telnet: login accepted", name)
		a.stop()
		reactor.OnConnectionLost(avatar, func(error) { logout(avatar) })
		a.Telnet().SetProtocol(avatar)
	}
}

// logout calls the avatar's Logout, if it has one.
func logout(avatar any) {
	if a, ok := avatar.(interface{ Logout() }); ok {
		a.Logout()
	}
}

// refused reports a failed attempt after FailureDelay. Then it begins the next
// attempt, or ends the connection.
func (a *AuthenticatingTelnetProtocol[A]) refused(name string, err error) {
	level := slog.LevelInfo
	if !errors.Is(err, cred.ErrUnauthorized) {
		level = slog.LevelWarn // something is broken
	}
	a.log(level, "telnet: login refused", name, "err", err)
	a.tries++
	report := func() {
		const message = "\nAuthentication failed\n"
		if limit := cmp.Or(a.MaxAuthTries, DefaultMaxAuthTries); limit > 0 && a.tries >= limit {
			a.end(message)
			return
		}
		a.askName(message)
	}
	if delay := cmp.Or(a.FailureDelay, DefaultFailureDelay); delay > 0 {
		a.delay = a.Clock.CallLater(delay, report)
		return
	}
	report()
}

// log logs the outcome of an attempt.
func (a *AuthenticatingTelnetProtocol[A]) log(level slog.Level, message, name string, attrs ...any) {
	attrs = append([]any{"user", text.Line(name), "peer", a.Transport().GetPeer()}, attrs...)
	a.logger().Log(context.Background(), level, message, attrs...)
}

// timedOut ends the connection of a peer that has not logged in.
func (a *AuthenticatingTelnetProtocol[A]) timedOut() {
	a.logger().Info("telnet: no login in time", "peer", a.Transport().GetPeer())
	a.end("\nLogin timed out\n")
}

// failed ends the connection after a panic in a hook or in the avatar's
// ConnectionMade.
func (a *AuthenticatingTelnetProtocol[A]) failed(err error) {
	if p, ok := errors.AsType[*deferred.PanicError](err); ok {
		p.Log(a.logger(), "telnet: panic during a login")
	}
	a.stop()
	a.Transport().AbortConnection()
}

// end tells the peer why the connection ends, and closes it.
func (a *AuthenticatingTelnetProtocol[A]) end(message string) {
	a.stop()
	t := a.Transport()
	t.Write([]byte(message))
	a.delay = a.Clock.CallLater(closeTimeout, t.AbortConnection)
	t.LoseConnection()
}

// stop gives up everything in progress.
func (a *AuthenticatingTelnetProtocol[A]) stop() {
	a.ending = true
	for _, call := range []*reactor.DelayedCall{a.grace, a.delay} {
		if call != nil && call.Active() {
			_ = call.Cancel() // it is active
		}
	}
	if a.login != (deferred.Deferred[A]{}) {
		a.login.Cancel()
	}
}
