// Package manhole lets a user look into a running program, and change it, from
// a terminal. It is twisted.conch.manhole, manhole_ssh and stdio for Go.
//
// # Security
//
// Whoever gets into a manhole owns the process: the user can call every method
// and change every field that can be reached from the namespace, with the
// rights of the program. A manhole is there only if a program asks for it. Let
// it listen on a loopback address or a UNIX socket, give keys to few people,
// and put into the namespace only values that the users need. Each session is
// logged as a warning.
//
// # The model
//
//	Interpreter        Push: runs statements
//	   │ ▲
//	   ▼ │
//	Manhole            a recvline.HistoricRecvLine: edits lines
//	   │ ▲
//	   ▼ │
//	insults.Terminal   the user's terminal
//	   │ ▲
//	   ▼ │
//	carrier            SSH, telnet, the terminal of the process
//
// A [Manhole] reads lines, and passes them to an [Interpreter], which shows its
// output through a [Session]. This package has no interpreter. Package
// starlarkrepl, below this one, is the usual one; its language looks like
// Python. Programs that do not import it do not link it.
//
//	newManhole := func() insults.Protocol {
//		return manhole.New(starlarkrepl.New, map[string]any{"app": app})
//	}
//
// # Carriers
//
// A [TerminalRealm] serves manholes, and all other programs of package insults,
// to users who have logged in over SSH:
//
//	realm := manhole.NewTerminalRealm(newManhole)
//	portal := cred.NewPortal(realm, checkers...)
//	factory := manhole.NewConchFactory(portal)
//
// [NewTelnetFactory] serves them over telnet, which encrypts nothing.
// [MakeService] does both, from descriptions of endpoints. [RunWithProtocol]
// runs a program on the terminal of the process.
//
// # Deferreds
//
// A Deferred that has not fired is shown as "<Deferred #0>". When it fires, the
// session shows its result above the line that the user is typing.
//
// # Goroutines
//
// Everything belongs to the loop. A statement runs on the loop, so it may use
// everything else that belongs to the loop, and everything else waits for it.
// Values that belong to other goroutines must not be in the namespace, unless
// their methods may be called from any goroutine.
package manhole
