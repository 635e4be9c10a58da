// Package cred decides who may log in, and as what. It is Twisted's
// twisted.cred, as far as SSH and telnet servers need it.
//
// # The model
//
//	credentials ─▶ Portal ─▶ Checker ─▶ avatar id ─▶ Realm ─▶ avatar
//
// A client presents [Credentials]: a password, a key, answers to questions. A
// [Checker] knows some kinds of credentials. It answers with the id of an
// avatar, usually the user name, or with an error. The [Realm] turns the id into
// an avatar: the object that does what the user asks for. A [Portal] holds one
// realm and any number of checkers.
//
//	portal := cred.NewPortal(realm{})
//	portal.RegisterChecker(cred.NewUNIXPasswordDatabase(r))
//	portal.RegisterChecker(cred.NewSSHPublicKeyChecker(cred.NewUNIXAuthorizedKeysFiles(r)))
//
// Everything answers with a Deferred, so a checker may ask a database or another
// server. All methods belong to the loop.
//
// # Unknown users
//
// A client must not learn which users exist. The checkers of passwords take as
// long for an unknown user as for a known one, package server pads short
// refusals, and all checkers answer with an error that matches
// [ErrUnauthorized]. [ErrUnknownUser] and the texts of errors are for
// logs; a server sends none of it.
package cred
