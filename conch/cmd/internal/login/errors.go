package login

import (
	"errors"
	"fmt"
	"strings"

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
		return "jump host " + text.Line(jump.Host) + ": " + Explain(&client.Target{Host: jump.Host}, jump.Err)
	}
	host := text.Line(t.Host)
	switch {
	case isKeyError(err):
		return hostKey(t, err)
	case !connecting && errors.Is(err, conch.ErrPeerSilent):
		return fmt.Sprintf("Timeout, server %s not responding.", host)
	case !connecting && errors.Is(err, conch.ErrConnectionLost):
		return fmt.Sprintf("Connection to %s closed by remote host: %s", host, cause(err))
	case !connecting:
		return text.Line(text.TrimPrefix(err))
	case isDenied(err):
		at := host
		if t.User != "" {
			at = text.Line(t.User) + "@" + at
		}
		denied := strings.Replace(cause(failed.Err), "Options.Methods has", "PreferredAuthentications has", 1)
		return at + ": P" + strings.TrimPrefix(denied, "p")
	case failed.Phase == client.PhaseDial:
		return dialFailed(host, failed)
	}
	return fmt.Sprintf("%s with %s: %s", failed.Phase, text.Line(failed.Addr), cause(failed.Err))
}

// isDenied reports whether the server refused the login.
func isDenied(err error) bool {
	e, ok := errors.AsType[*conch.ConchError](err)
	return ok && e.Data == conch.DisconnectNoMoreAuthMethodsAllowed
}

func dialFailed(host string, failed *client.ConnectError) string {
	if _, ok := errors.AsType[*reactor.DNSLookupError](failed.Err); ok {
		return fmt.Sprintf("Could not resolve hostname %s: %s", host, cause(failed.Err))
	}
	return fmt.Sprintf("connect to %s: %s", text.Line(failed.Addr), cause(failed.Err))
}

// cause returns the text of an error on one line, without the name of a package.
func cause(err error) string { return text.Line(text.TrimPrefix(err)) }

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
