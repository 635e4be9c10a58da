// Package client logs in to SSH servers: it dials, checks the host key,
// authenticates and starts a connection of package conch. It is
// twisted.conch.client and twisted.conch.endpoints for Go.
//
// The short way to run a command is Target.Exec:
//
//	target := client.Target{User: "me", Host: "example.org"}
//	target.Exec(r, "uptime", nil).OnValue(func(out client.Output) { … })
//
// A program in Twisted's style embeds conch.SSHConnection in a type of its own
// and calls [Connect]. [Exec] runs a command on a connection that exists. A
// [ClientSession] receives output as it arrives, and has terminals, signals and
// the exit status. [NewConnection] and [ExistingConnection] make a command an
// endpoint, to which a protocol connects.
//
// # Logging in
//
// [Options] says how to connect. Without options everything is as with the ssh
// command: known-hosts files, keys from the agent and from ~/.ssh, questions on
// the terminal. A program that has a password or keys sets Options.Password or
// Options.Signers. A program that gets them in another way embeds
// [SSHUserAuthClient], which has no keys and no password, or
// [DefaultAuthClient], which does what ssh does, and replaces hooks.
//
// The host key is checked by [VerifyHostKey], [FingerprintVerifier] or a
// function of the program.
//
// # Errors
//
// Connect fails with a [*ConnectError], which names the phase. errors.Is finds
// its cause: [ErrTimeout], [ErrUnknownHost], [ErrHostKeyRefused],
// [ErrUserRejectedKey], [ErrPasswordExpired], [ErrInterrupted],
// conch.ErrConnectionLost, or the errors of package knownhosts. A
// *conch.ConchError with Data conch.DisconnectNoMoreAuthMethodsAllowed is a
// refused login; its text lists the methods that were tried, and why keys were
// not used.
//
// # Goroutines
//
// Except where a comment says otherwise, everything belongs to the loop of the
// reactor.
package client
