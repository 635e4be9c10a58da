package knownhosts

import (
	"cmp"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// HostKeyAlgorithms returns the allowed host key algorithms in the order in
// which a client should offer them, so that the server presents a key that can
// be compared. The order is:
//
//  1. certificates, if a @cert-authority line matches the host
//  2. types of which a key is recorded for the host
//  3. other types
//  4. certificates, if no @cert-authority line matches the host
//
// Within each group Ed25519 is first and the order of allowed is kept
// otherwise. At first contact Ed25519 is therefore preferred, as in ssh. No
// algorithm is added to the allowed ones. If allowed is nil, it is x/crypto's
// list of secure algorithms.
//
// If nothing is recorded for the host with its port, the host without the port
// counts. @revoked lines do not count. The errors are those of Check about
// names and files.
func (f *File) HostKeyAlgorithms(name Name, allowed []string) ([]string, error) {
	if err := name.validate(); err != nil {
		return nil, err
	}
	known, err := f.knownTypes(name)
	if err != nil {
		return nil, err
	}
	if allowed == nil {
		allowed = gossh.SupportedAlgorithms().HostKeys
	}
	ordered := slices.Clone(allowed)
	slices.SortStableFunc(ordered, func(a, b string) int { return cmp.Compare(known.rank(a), known.rank(b)) })
	return ordered, nil
}

// knownTypes is the set of the key types that are recorded for a host. The
// member certAuthority says that an authority is recorded.
type knownTypes map[string]bool

func (f *File) knownTypes(name Name) (knownTypes, error) {
	exact, bare := knownTypes{}, knownTypes{}
	exactName, bareName := name.String(), name.withoutPort().String()
	for e, err := range f.entries() {
		if err != nil {
			return nil, err
		}
		switch {
		case e.matches(exactName):
			exact.add(e)
		case e.matches(bareName):
			bare.add(e)
		}
	}
	if len(exact) == 0 {
		return bare, nil
	}
	return exact, nil
}

func (k knownTypes) add(e *entry) {
	switch {
	case !e.decode() || e.marker == revoked:
	case e.marker == certAuthority:
		k[string(certAuthority)] = true
	default:
		k[e.keyType] = true
	}
}

// rank returns a number that sorts an algorithm into its group in the comment
// of HostKeyAlgorithms.
func (k knownTypes) rank(algorithm string) int {
	rank := 6
	certificate := strings.Contains(algorithm, "-cert-v")
	switch {
	case certificate && k[string(certAuthority)]:
		rank = 2
	case certificate:
		rank = 8
	case k[keyType(algorithm)]:
		rank = 4
	}
	if algorithm == gossh.KeyAlgoED25519 || algorithm == gossh.CertAlgoED25519v01 {
		rank--
	}
	return rank
}

// keyType returns the type of the keys that an algorithm uses.
func keyType(algorithm string) string {
	switch algorithm {
	case gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSASHA512:
		return gossh.KeyAlgoRSA
	default:
		return algorithm
	}
}
