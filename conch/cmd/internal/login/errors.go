package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/knownhosts"
	"github.com/hawser-go/hawser/reactor"
)

// StatusFailed is the exit status of a command whose connection failed or was
// lost, and of a wrong command line, as with ssh.
const StatusFailed = 255

// Explain returns the text for the user about an error of [client.Target]'s
// Connect or of the connection: printable, mostly one line, without a line end.
// It has ssh's words where ssh has an error for the same thing.
func Explain(t *client.Target, err error) string {
	failed, connecting := errors.AsType[*client.ConnectError](err)
	if jump, ok := errors.AsType[*client.JumpError](err); ok {
		return "jump host " + text.Line(jump.Host) + ": " + Explain(jumpTarget(t, jump.Host), jump.Err)
	}
	host := text.Line(t.Host)
	switch {
	case isKeyError(err):
		return hostKey(t, err)
	case !connecting && errors.Is(err, conch.ErrPeerSilent):
		return fmt.Sprintf("Timeout, server %s not responding.", host)
	case !connecting && errors.Is(err, conch.ErrConnectionLost) && errors.Is(err, io.EOF):
		return fmt.Sprintf("Connection to %s closed by remote host.", host)
	case !connecting && errors.Is(err, conch.ErrConnectionLost):
		return fmt.Sprintf("Connection to %s closed by remote host: %s", host, cause(err))
	case !connecting:
		return text.Line(text.TrimPrefix(err))
	case isDenied(err):
		at := host
		if t.User != "" {
			at = text.Line(t.User) + "@" + at
		}
		return at + ": P" + strings.TrimPrefix(cause(failed.Err), "p")
	case failed.Phase == client.PhaseDial:
		return dialFailed(host, failed)
	}
	return fmt.Sprintf("%s with %s: %s", failed.Phase, text.Line(failed.Addr), cause(failed.Err))
}

// jumpTarget returns the jump host of that name.
func jumpTarget(t *client.Target, host string) *client.Target {
	for j := t.Options.Jump; j != nil; j = j.Options.Jump {
		if j.Host == host {
			return j
		}
	}
	return &client.Target{Host: host}
}

// isDenied reports whether the server refused the login.
func isDenied(err error) bool {
	e, ok := errors.AsType[*conch.ConchError](err)
	return ok && e.Data == conch.DisconnectNoMoreAuthMethodsAllowed
}

func dialFailed(host string, failed *client.ConnectError) string {
	lookup, unknown := errors.AsType[*net.DNSError](failed.Err)
	number, _ := errors.AsType[syscall.Errno](failed.Err)
	call, _ := errors.AsType[*os.SyscallError](failed.Err)
	address := text.Line(failed.Addr)
	switch {
	case unknown:
		return fmt.Sprintf("Could not resolve hostname %s: %s", host, text.Line(lookup.Err))
	case errors.Is(failed.Err, reactor.ErrUnknownHost):
		return fmt.Sprintf("Could not resolve hostname %s: %s", host, cause(failed.Err))
	case errors.Is(failed.Err, os.ErrDeadlineExceeded), errors.Is(failed.Err, context.DeadlineExceeded), errors.Is(failed.Err, reactor.ErrConnectTimeout):
		return fmt.Sprintf("connect to %s: timed out", address)
	case call != nil && strings.HasPrefix(call.Syscall, "connect"): // connectex on Windows; the rest repeats the address
		return fmt.Sprintf("connect to %s: %s", address, text.Line(number.Error()))
	}
	return fmt.Sprintf("connect to %s: %s", address, cause(failed.Err))
}

// cause returns the text of an error on one line, without the name of a package
// and without advice for programmers.
func cause(err error) string {
	advice := strings.NewReplacer("Options.Methods has", "PreferredAuthentications has", "setup timed out; raise Options.Timeout if the server is slow", "timed out")
	return text.Line(advice.Replace(text.TrimPrefix(err)))
}

// isKeyError reports whether the host key was not accepted.
func isKeyError(err error) bool {
	e, ok := errors.AsType[*conch.ConchError](err)
	return ok && e.Data == conch.DisconnectHostKeyNotVerifiable
}

// hostKey explains why a host key was not accepted.
func hostKey(t *client.Target, err error) string {
	const failed = "Host key verification failed."
	refused, _ := errors.AsType[*conch.ConchError](err) // the caller has seen it
	switch key, changed := errors.AsType[*knownhosts.HostKeyChangedError](err); {
	case errors.Is(err, client.ErrUserRejectedKey):
		return failed
	case changed:
		return "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! Somebody could be eavesdropping on you right now " +
			"(man-in-the-middle attack). It is also possible that the host key has just been changed.\n" + text.TrimPrefix(key) + "\n" + failed // long, and its names are quoted
	case errors.Is(err, client.ErrUnknownHost) && t.Options.HostKeys == client.RefuseNewHosts:
		return fmt.Sprintf("No host key is known for %s and you have requested strict checking.\n%s", text.Line(t.Host), failed)
	}
	return cause(refused.Err) + "\n" + failed
}
