// Package knownhosts reads, judges and extends the known_hosts files of
// OpenSSH.
//
// # The model
//
// A [File] is the user's known_hosts file together with any number of files
// that are only read, such as /etc/ssh/ssh_known_hosts. A [Name] says under
// which name a host is looked up: [HostPort] for a host and its port, [Alias]
// for ssh's HostKeyAlias. [File.Check] judges the key that a server presented,
// and [File.Accept] records it:
//
//	files, err := knownhosts.Default()
//	name := knownhosts.HostPort("example.org", 22)
//	v, err := files.Check(name, "192.0.2.1", key)
//	switch {
//	case err != nil:
//		// Refuse the connection. The key is changed or revoked, its
//		// certificate is not valid, or a file cannot be read.
//	case v.Outcome == knownhosts.Unknown:
//		// Show v.Message() and ask. Call files.Accept(v) after "yes".
//	case v.Outcome == knownhosts.KnownAddIP:
//		// Show v.Message(), call files.Accept(v) and continue.
//	case v.Outcome == knownhosts.Known:
//		// Continue.
//	}
//
// Before the key exchange, [File.HostKeyAlgorithms] puts the algorithms first
// for which the host has a recorded key, so that the server presents a key that
// can be compared.
//
// # Matching
//
// sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT", describes the format. The host column
// of a line is a hashed name (|1|salt|hash), or a list of patterns between
// commas with the wildcards * and ? and with ! for negation. Case does not
// matter. A port other than 22 is part of the name, as in [example.org]:2222.
// Lines that are not understood are skipped.
//
//   - A key is known if any line that matches the host holds the key.
//   - A key is changed if lines match the host but all of them hold other keys,
//     be they of the same type or not.
//   - A key on a @revoked line is refused for the hosts of that line, whatever
//     other lines and files say. The line can hold the host's key or the key of
//     the authority that signed its certificate.
//   - A key on a @cert-authority line can sign host certificates for the hosts
//     of that line. A certificate that no such key has signed counts as the
//     plain key inside it.
//   - If no line matches a host with its port, a line for the host without the
//     port can make the key known. An alias has no port.
//
// These rules are those of ssh. Check is stricter than ssh in four points. A
// @revoked line for a host without a port holds for all ports. A tab can follow
// a marker. A certificate of a recorded authority that is not valid, for
// example expired, is an error unless its plain key is known; ssh would ask
// about the plain key. A file that exists but cannot be read is an error,
// because it can hold @revoked lines; ssh skips the file.
//
// # Concurrency
//
// All functions may be called from any goroutine. The methods of File read and
// write files, so do not call them on a reactor's goroutine; use
// reactor.DeferToThread. A File does not cache: each call reads the files
// again. Several Files, in this process or others, may share a path.
//
// # Bounds
//
// Check and HostKeyAlgorithms return an error if a file has more than 64 MiB or
// a line of more than 64 KiB. They keep one line in memory.
package knownhosts
