package knownhosts

import gossh "golang.org/x/crypto/ssh"

// Outcome is what is to be done about a key that no error refuses.
type Outcome int

const (
	// Unknown: the host has no such record; ask the user, and on yes Accept (C-CLIENT-44).
	Unknown Outcome = iota
	// Known: host and address are recorded with this key, or a certificate proves it; go on (C-CLIENT-40).
	Known
	// KnownAddIP: the host is known but its address is not recorded; warn, Accept and go on (C-CLIENT-41).
	KnownAddIP
)

func (o Outcome) String() string {
	switch o {
	case Known:
		return "known"
	case KnownAddIP:
		return "known, address not recorded"
	default:
		return "unknown"
	}
}

// Verdict is the answer of [File.Check]. The zero value says that nothing is known.
type Verdict struct {
	Outcome Outcome

	Host string // the name that was looked up, as Name writes it
	IP   string // the address that was looked up, likewise; empty when there was none or it is the name itself

	Key     gossh.PublicKey // the key in question; for a certificate, the key inside it
	Entry   Entry           // the line that vouches for the key; zero when it is unknown
	Missing []string        // the names under which Accept will record the key
	Others  []Entry         // for an unknown host, one line for each other type of key recorded for it
}
