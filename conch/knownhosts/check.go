package knownhosts

import (
	"net/netip"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// Check judges the key, or the certificate, that a server presented.
//
// The ip is the numeric address of the server, without a port. It is looked up
// with the port of name, to find a host whose name resolves to the address of
// another known host. It is not looked up if it is empty, a loopback address or
// not an IP address, as behind a proxy, or if name is an alias.
//
// Check returns a *[HostKeyChangedError] or a *[RevokedKeyError] if the key
// must be refused. It returns other errors if the certificate is not valid, if
// name is not valid, or if a file cannot be read; the connection must then be
// refused too.
func (f *File) Check(name Name, ip string, key gossh.PublicKey) (Verdict, error) {
	if err := name.validate(); err != nil {
		return Verdict{}, err
	}
	q := newInquiry(name, ip, key)
	if err := q.read(f); err != nil {
		return Verdict{}, err
	}
	if r := q.revoked; r != nil {
		return Verdict{}, &RevokedKeyError{Name: name, Key: key, Revoked: r.key, Path: r.path, Line: r.line}
	}
	certErr := q.checkCertificate()
	if q.authority() != nil && certErr == nil {
		return q.verdict(Known), nil
	}
	v, err := q.judge()
	if err == nil && v.Outcome == Unknown && certErr != nil {
		return Verdict{}, certErr
	}
	return v, err
}

// inquiry collects the entries for one key and up to three names in one pass
// over the files.
type inquiry struct {
	key  gossh.PublicKey    // the plain key
	cert *gossh.Certificate // nil if the server presented a plain key

	host    record // the host with its port, or the alias
	bare    record // the host without its port; unused if that is the same name
	address record // the address with the port; unused if not to be looked up

	revoked *entry // the first line that revokes the key or the authority
}

// record holds the first entry of each kind for one name.
type record struct {
	name      Name   // zero if the record is unused
	match     *entry // has the key
	changed   *entry // has another key
	authority *entry // has the authority that signed the certificate
}

func newInquiry(name Name, ip string, key gossh.PublicKey) *inquiry {
	q := &inquiry{key: plainKey(key), host: record{name: name}}
	q.cert, _ = key.(*gossh.Certificate)
	if bare := name.withoutPort(); bare != name {
		q.bare.name = bare
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.IsLoopback() || name.port == 0 {
		return q
	}
	if address := HostPort(addr.Unmap().String(), name.port); address != name {
		q.address.name = address
	}
	return q
}

// read collects the entries. It decodes the keys of matching lines only.
func (q *inquiry) read(f *File) error {
	records := []*record{&q.host, &q.bare, &q.address}
	records = slices.DeleteFunc(records, func(r *record) bool { return r.name == Name{} })
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = r.name.String()
	}
	for e, err := range f.entries() {
		if err != nil {
			return err
		}
		for i, r := range records {
			if e.matches(names[i]) && e.decode() {
				q.note(r, e)
			}
		}
	}
	return nil
}

// note stores an entry that matches the name of r.
func (q *inquiry) note(r *record, e *entry) {
	switch {
	case e.marker == revoked:
		if sameKey(plainKey(e.key), q.key) || q.signedBy(e) {
			keepFirst(&q.revoked, e)
		}
	case e.marker == certAuthority:
		if q.signedBy(e) {
			keepFirst(&r.authority, e)
		}
	case sameKey(e.key, q.key):
		keepFirst(&r.match, e)
	default:
		q.noteChanged(r, e)
	}
}

// noteChanged stores an entry with another key. The error names the first entry
// whose key has the type of the presented key, or else the first entry.
func (q *inquiry) noteChanged(r *record, e *entry) {
	if r.changed == nil || r.changed.key.Type() != q.key.Type() && e.key.Type() == q.key.Type() {
		r.changed = e
	}
}

// signedBy reports whether the entry holds the key that signed the certificate.
func (q *inquiry) signedBy(e *entry) bool {
	return q.cert != nil && sameKey(plainKey(e.key), q.cert.SignatureKey)
}

func keepFirst(slot **entry, e *entry) {
	if *slot == nil {
		*slot = e
	}
}

// judge decides about the plain key. The address is compared even if the host
// is unknown, so an address that is recorded with another key is refused.
func (q *inquiry) judge() (Verdict, error) {
	for _, r := range []*record{&q.host, &q.address} {
		if e := r.changed; e != nil && r.match == nil {
			return Verdict{}, &HostKeyChangedError{Name: r.name, Key: q.key, Recorded: e.key, Path: e.path, Line: e.line}
		}
	}
	switch {
	case q.host.match != nil && q.address.name != Name{} && q.address.match == nil:
		return q.verdict(KnownAddIP), nil
	case q.host.match != nil, q.bare.match != nil:
		return q.verdict(Known), nil
	default:
		return q.verdict(Unknown), nil
	}
}

func (q *inquiry) verdict(outcome Outcome) Verdict {
	v := Verdict{Outcome: outcome, Name: q.host.name, Address: q.address.name, Key: q.key}
	if outcome == Unknown {
		v.Missing = append(v.Missing, v.Name)
	}
	if outcome != Known && v.Address != (Name{}) && q.address.match == nil {
		v.Missing = append(v.Missing, v.Address)
	}
	return v
}
