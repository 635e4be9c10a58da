package knownhosts

import (
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// HostKeyAlgorithms lists the host key algorithms for which something is recorded about a host: in the order of the lines,
// without repeats, nil when there is nothing (C-CLIENT-28). A key of type ssh-rsa stands for rsa-sha2-512, rsa-sha2-256 and
// ssh-rsa; an authority for all certificate algorithms that are safe, because it may sign keys of any type. When nothing is
// recorded for the host with this port, the host alone counts, as in Check. Revoked keys do not count. The errors are those of
// reading the files.
func (f *File) HostKeyAlgorithms(host string, port int) ([]string, error) {
	name, bareName := Name(host, port), Name(host, defaultPort)
	var exact, bare []string
	for line, err := range f.lines() {
		if err != nil {
			return nil, err
		}
		switch hosts := line.hosts(); {
		case hosts.matches(name):
			exact = PreferKnown(exact, algorithmsOf(line.entry()))
		case hosts.matches(bareName):
			bare = PreferKnown(bare, algorithmsOf(line.entry()))
		}
	}
	if exact == nil {
		return bare, nil
	}
	return exact, nil
}

// PreferKnown gives the list to offer in the key exchange: what is known for the host first, then the rest of defaults, without
// repeats. A server then presents a key that can be compared with the recorded one, if it has it.
func PreferKnown(known, defaults []string) []string {
	var merged []string
	for _, algorithm := range slices.Concat(known, defaults) {
		if !slices.Contains(merged, algorithm) {
			merged = append(merged, algorithm)
		}
	}
	return merged
}

// algorithmsOf lists the algorithms with which a line can be put to use.
func algorithmsOf(e Entry) []string {
	switch {
	case !e.Parsed() || e.Marker == Revoked:
		return nil
	case e.Marker == CertAuthority:
		return certificateAlgorithms()
	case e.Key.Type() == gossh.KeyAlgoRSA:
		return []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
	default:
		return []string{e.Key.Type()}
	}
}

// certificateAlgorithms lists the certificate algorithms that x/crypto has and calls safe, in its order.
func certificateAlgorithms() []string {
	plain := func(algorithm string) bool { return !strings.Contains(algorithm, "-cert-v") }
	return slices.DeleteFunc(gossh.SupportedAlgorithms().HostKeys, plain)
}
