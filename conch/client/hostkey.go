package client

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// HostKeyVerifier decides whether the host key of the server is trusted. The ip
// is the numeric address of the server, fingerprint the MD5 fingerprint of the
// key: hex pairs between colons. t.HostPort returns the name of the host.
//
// The key is refused if the Deferred fires with false or fails. Connect's error
// wraps ErrHostKeyRefused or the failure. A HostKeyVerifier is called on the
// loop, once for a connection: when the session keys are renewed, the server
// must present the same key.
type HostKeyVerifier func(t *SSHClientTransport, ip string, key gossh.PublicKey, fingerprint string) deferred.Deferred[bool]

// VerifyHostKey is the HostKeyVerifier of the ssh command. It looks up the key
// in the known-hosts files of the options, asks the user about an unknown host
// and saves the keys of hosts that are accepted. It refuses a changed or revoked
// key without asking. Apart from ErrUnknownHost and ErrUserRejectedKey its
// errors are those of package knownhosts. Files are read on the thread pool.
func VerifyHostKey(t *SSHClientTransport, ip string, key gossh.PublicKey, _ string) deferred.Deferred[bool] {
	files, err := t.knownHosts()
	if err != nil {
		return deferred.Fail[bool](err)
	}
	checked := reactor.DeferToThread(t.Reactor(), func() (knownhosts.Verdict, error) { return files.Check(t.hostName(), ip, key) })
	return deferred.ThenDeferred(checked, func(v knownhosts.Verdict) deferred.Deferred[bool] { return t.judge(files, v) })
}

// AcceptAnyHostKey is a HostKeyVerifier that accepts every key. Anybody on the
// way to the server can then read and change all data, passwords included. It is
// meant for tests.
func AcceptAnyHostKey(*SSHClientTransport, string, gossh.PublicKey, string) deferred.Deferred[bool] {
	return deferred.Succeed(true)
}

// FingerprintVerifier returns a HostKeyVerifier that accepts the keys with these
// fingerprints. A fingerprint is written as ssh-keygen -l prints it:
// SHA256:base64, or MD5: and hex pairs between colons. MD5: may be left out. The
// fingerprint of a certificate is that of the key in it. If a fingerprint is not
// valid, no key is accepted.
//
// A server with several host keys presents the one that is first in
// Options.HostKeyAlgorithms, Ed25519 by default.
func FingerprintVerifier(fingerprints ...string) HostKeyVerifier {
	var expected []string
	var invalid error
	for _, f := range fingerprints {
		normal, err := normalFingerprint(f)
		if err != nil {
			invalid = err
		}
		expected = append(expected, normal)
	}
	return func(_ *SSHClientTransport, _ string, key gossh.PublicKey, _ string) deferred.Deferred[bool] {
		if invalid != nil {
			return deferred.Fail[bool](invalid)
		}
		if cert, ok := key.(*gossh.Certificate); ok {
			key = cert.Key
		}
		presented := gossh.FingerprintSHA256(key)
		if slices.Contains(expected, presented) || slices.Contains(expected, "MD5:"+gossh.FingerprintLegacyMD5(key)) {
			return deferred.Succeed(true)
		}
		return deferred.Fail[bool](&causedError{ErrHostKeyRefused, fmt.Errorf("%s is not an expected fingerprint", presented)})
	}
}

// normalFingerprint returns a fingerprint as x/crypto/ssh writes it, with MD5:
// in front of MD5.
func normalFingerprint(f string) (string, error) {
	if sum, ok := strings.CutPrefix(f, "SHA256:"); ok {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(sum, "="))
		if err == nil && len(raw) == 32 {
			return "SHA256:" + base64.RawStdEncoding.EncodeToString(raw), nil
		}
	} else {
		pairs := strings.ToLower(strings.TrimPrefix(f, "MD5:"))
		if raw, err := hex.DecodeString(strings.ReplaceAll(pairs, ":", "")); err == nil && len(raw) == 16 && strings.Count(pairs, ":") == 15 {
			return "MD5:" + pairs, nil
		}
	}
	return "", fmt.Errorf("client: %s is not a fingerprint; write it as ssh-keygen -l does", text.Quote(f))
}

// verifyKnown is VerifyHostKey for the handshake goroutine, which may block. It
// uses the loop only if the key is not simply known.
func (t *SSHClientTransport) verifyKnown(ip string, key gossh.PublicKey) error {
	files, err := t.knownHosts()
	if err != nil {
		return err
	}
	v, err := files.Check(t.hostName(), ip, key)
	if err != nil || v.Outcome == knownhosts.Known {
		return err
	}
	_, err = reactor.Await(t.Context(), t.Reactor(), func() deferred.Deferred[bool] { return t.judge(files, v) })
	return err
}

// judge accepts a known host, and decides by policy and user about another.
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

// save records the key. A key that cannot be recorded is accepted all the same.
func (t *SSHClientTransport) save(files *knownhosts.File, v knownhosts.Verdict) deferred.Deferred[bool] {
	saved := reactor.DeferToThread(t.Reactor(), func() (bool, error) { return true, files.Accept(v) })
	return saved.AddErrback(func(err error) (bool, error) {
		t.ui().Warn(err.Error())
		return true, nil
	})
}

// hostName returns the name under which the host's key is recorded.
func (t *SSHClientTransport) hostName() knownhosts.Name {
	if t.options.HostKeyAlias != "" {
		return knownhosts.Alias(t.options.HostKeyAlias)
	}
	return knownhosts.HostPort(t.host, t.port)
}

// knownHosts returns the known-hosts files of the options.
func (t *SSHClientTransport) knownHosts() (*knownhosts.File, error) {
	own, global := t.options.KnownHosts, t.options.GlobalKnownHosts
	if own == nil {
		own = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
	}
	if global == nil {
		global = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	}
	if len(own) == 0 {
		own = []string{""} // no file to save to
	}
	names := slices.Concat(own, global)
	for i, name := range names {
		var err error
		if names[i], err = expandHome(name); err != nil {
			return nil, fmt.Errorf("client: known-hosts file %s: %w", text.Quote(name), err)
		}
	}
	files := knownhosts.FromPath(names[0], names[1:]...)
	files.HashNames = t.options.HashKnownHosts
	return files, nil
}

// hostKeyAlgorithms returns the host key algorithms to offer: those of the
// options, or the default ones with the types first that are known for the host.
// It reads files.
func (t *SSHClientTransport) hostKeyAlgorithms() []string {
	defaults := t.algorithms.HostKeys
	if len(t.options.HostKeyAlgorithms) > 0 {
		return defaults
	}
	files, err := t.knownHosts()
	if err != nil {
		return defaults // VerifyHostKey reports the error, if it is used
	}
	sorted, err := files.HostKeyAlgorithms(t.hostName(), defaults)
	if err != nil {
		return defaults
	}
	return sorted
}

// hostOf returns the numeric address without the port.
func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
