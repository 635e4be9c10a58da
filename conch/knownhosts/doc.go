// Package knownhosts reads, judges and extends OpenSSH's known_hosts files.
//
// # The model
//
// A [File] is the file of the user, to which keys are added, and any number of further files that are only read, such as
// /etc/ssh/ssh_known_hosts. It keeps nothing of them in memory: each question reads the files again, line by line, so that
// what another program added meanwhile is seen. What is kept are the additions that [File.Save] has not written yet.
//
// An [Entry] is one line. Blank lines, comments and lines that are not understood are entries too: they match nothing and
// print back as they were read, and no operation of this package loses them.
//
// [File.Check] decides about a key that a server presented:
//
//	v, err := file.Check("example.org", 22, "192.0.2.1", key)
//	switch {
//	case err != nil: // refuse: *HostKeyChangedError, *RevokedKeyError, *CertificateError, or the files cannot be read
//	case v.Outcome == knownhosts.Known: // go on
//	case v.Outcome == knownhosts.KnownAddIP: // show v.Warning(), file.Accept(v), go on
//	case v.Outcome == knownhosts.Unknown: // ask v.Question(); on yes file.Accept(v), on no refuse with ErrUserRejectedKey
//	}
//
// # What matches
//
// The file format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". A host column is a hashed name (|1|salt|hash) or a list of
// patterns, separated by commas, with the wildcards * and ? and with ! for negation; letter case does not count. A
// port other than 22 is part of the name, as in [example.org]:2222 (see [Name]). Any matching line that has the presented key is
// enough, whatever the other lines say. A line marked @cert-authority holds a key that may sign certificates of the hosts
// it names; a key on a line marked @revoked is refused for the hosts that the line names, be it a host key, the key inside a
// certificate or the key that signed the certificate.
//
// As ssh does, a host on another port whose name with that port is not recorded is accepted with the key that is recorded for
// its name alone, and a certificate that no recorded authority has signed is judged by the plain key inside it.
//
// Three things are stricter than ssh. A revocation of the name alone holds on every port. A marker may be followed by a tab, so
// that a revocation written that way is not overlooked. A certificate of a recorded authority that is not valid (expired, or
// for another host) is refused with its reason instead of being turned into a question about its plain key. One thing is laxer
// unless [File.RefuseOtherTypes] is set: a host of which only keys of other types are recorded is unknown, not changed
// (C-CLIENT-36); the question says so.
//
// # Concurrency
//
// Everything here is synchronous and does file input and output: do not call it on a reactor goroutine. A File holds no lock and
// must be used by one goroutine at a time. Several Files, in this process or in others, may share a path: see [File.Save].
//
// # Bounds
//
// A line is at most [MaxLineLength] bytes and a file at most [MaxFileSize] bytes; more is a *[LimitError].
package knownhosts
