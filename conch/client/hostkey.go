package client

import (
	"errors"
	"net"

	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// VerifyHostKey is the HostKeyVerifier that the ssh command has: it looks the key up in the known-hosts files of the options, asks the user
// about an unknown host and saves what is accepted, and refuses a changed or revoked key without asking (C-CLIENT-40 to C-CLIENT-46). The
// errors are those of package knownhosts. Files are read and written on the thread pool.
func VerifyHostKey(t *SSHClientTransport, ip string, key gossh.PublicKey, _ string) deferred.Deferred[bool] {
	files, err := t.knownHosts()
	if err != nil {
		return deferred.Fail[bool](err)
	}
	name := t.hostName()
	checked := reactor.DeferToThread(t.Reactor(), func() (knownhosts.Verdict, error) { return files.Check(name, ip, key) })
	return deferred.ThenDeferred(checked, func(v knownhosts.Verdict) deferred.Deferred[bool] { return t.judge(files, v) })
}

func (t *SSHClientTransport) judge(files *knownhosts.File, v knownhosts.Verdict) deferred.Deferred[bool] {
	switch v.Outcome {
	case knownhosts.Known:
		return deferred.Succeed(true)
	case knownhosts.KnownAddIP:
		t.ui().Warn(v.Message())
		return t.save(files, v)
	}
	switch t.options.HostKeys {
	case RefuseNewHosts:
		return deferred.Fail[bool](ErrUnknownHost)
	case AcceptNewHosts:
		return t.save(files, v)
	}
	return deferred.ThenBothDeferred(t.ui().Prompt(v.Message()), func(yes bool, err error) deferred.Deferred[bool] {
		switch {
		case errors.Is(err, ErrInterrupted) || errors.Is(err, deferred.ErrCancelled):
			return deferred.Fail[bool](err)
		case err != nil:
			return deferred.Fail[bool](&causedError{ErrUnknownHost, err})
		case !yes:
			return deferred.Fail[bool](ErrUserRejectedKey)
		}
		return t.save(files, v)
	})
}

// save records the key. That it could not be recorded is no reason to refuse it.
func (t *SSHClientTransport) save(files *knownhosts.File, v knownhosts.Verdict) deferred.Deferred[bool] {
	saved := reactor.DeferToThread(t.Reactor(), func() (bool, error) { return true, files.Accept(v) })
	return saved.AddErrback(func(err error) (bool, error) {
		t.ui().Warn(err.Error())
		return true, nil
	})
}

func (t *SSHClientTransport) ui() UI {
	if t.options.UI == nil {
		t.options.UI = NewConsoleUI(t.Reactor())
	}
	return t.options.UI
}

// knownHosts returns the files of the options, to be used as ssh uses them.
func (t *SSHClientTransport) knownHosts() (files *knownhosts.File, err error) {
	if names := t.options.KnownHosts; len(names) > 0 {
		expanded := make([]string, len(names))
		for i, name := range names {
			if expanded[i], err = expandHome(name); err != nil {
				return nil, err
			}
		}
		files = knownhosts.FromPath(expanded[0], expanded[1:]...)
	} else if files, err = knownhosts.Default(); err != nil {
		return nil, err
	}
	return files, nil
}

// hostName returns the name under which the host's key is recorded.
func (t *SSHClientTransport) hostName() knownhosts.Name {
	return knownhosts.HostPort(t.options.Host, t.options.Port)
}

// hostKeyAlgorithms returns the host key algorithms to offer: those of the
// options, or else the secure algorithms of x/crypto/ssh in the order of
// [knownhosts.File.HostKeyAlgorithms]. It reads files.
func (t *SSHClientTransport) hostKeyAlgorithms() ([]string, error) {
	if len(t.options.HostKeyAlgorithms) > 0 {
		return t.options.HostKeyAlgorithms, nil
	}
	files, err := t.knownHosts()
	if err != nil {
		return nil, nil // VerifyHostKey reports the error, if it is used
	}
	algorithms, err := files.HostKeyAlgorithms(t.hostName(), nil)
	if err != nil {
		return nil, nil
	}
	return algorithms, nil
}

// hostOf returns the numeric address without the port.
func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
