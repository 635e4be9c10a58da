package knownhosts

import (
	"errors"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// Check judges the key that a server presented. hostname is the name that the user gave, port the port connected to (0 for 22),
// ip the textual address of the server; an empty ip leaves the address out, which is right behind a proxy and for loopback
// addresses. The key may be a certificate.
//
// The address is judged before an unknown host is (C-CLIENT-46): an address recorded with another key refuses. The errors are
// *HostKeyChangedError, *RevokedKeyError and *CertificateError, [ErrBadHost] for a name that no file could hold, and those of
// reading the files, where *LimitError and *fs.PathError are found.
func (f *File) Check(hostname string, port int, ip string, key gossh.PublicKey) (Verdict, error) {
	q, err := newInquiry(key, Name(hostname, port), Name(hostname, defaultPort), addressName(ip, port))
	if err != nil {
		return Verdict{}, err
	}
	if err := q.read(f); err != nil {
		return Verdict{}, err
	}
	if q.revoked != nil {
		return Verdict{}, &RevokedKeyError{Host: q.host.name, Key: key, Entry: *q.revoked}
	}
	certError := f.checkCertificate(hostname, q)
	if q.authority() != nil && certError == nil {
		return q.verdict(Known, q.authority()), nil
	}
	v, err := f.judge(q)
	if err == nil && v.Outcome == Unknown && certError != nil {
		return Verdict{}, certError
	}
	return v, err
}

// judge decides by plain keys.
func (f *File) judge(q *inquiry) (Verdict, error) {
	for _, r := range []*record{&q.host, &q.ip} {
		if offending := r.contradiction(f.RefuseOtherTypes); offending != nil {
			return Verdict{}, newHostKeyChangedError(r.name, *offending, q.key)
		}
	}
	switch {
	case q.host.match != nil && q.ip.name != "" && q.ip.match == nil:
		return q.verdict(KnownAddIP, q.host.match), nil
	case q.host.match != nil:
		return q.verdict(Known, q.host.match), nil
	case q.bare.match != nil:
		return q.verdict(Known, q.bare.match), nil
	default:
		return q.verdict(Unknown, nil), nil
	}
}

// HasHostKey reports whether key is recorded for name, which is a name as [Name] writes it (C-CLIENT-36). Any line with the key
// is enough (C-CLIENT-37). When there is none but one with another key of the same type, the error is a *HostKeyChangedError
// about the first such line; when the key is revoked, a *RevokedKeyError. The errors of reading are those of Check. Of a
// certificate only the key inside it is looked at; Check judges certificates.
func (f *File) HasHostKey(name string, key gossh.PublicKey) (bool, error) {
	q, err := newInquiry(plainKey(key), lower(name), "", "")
	if err != nil {
		return false, err
	}
	if err := q.read(f); err != nil {
		return false, err
	}
	if q.revoked != nil {
		return false, &RevokedKeyError{Host: q.host.name, Key: key, Entry: *q.revoked}
	}
	if offending := q.host.contradiction(f.RefuseOtherTypes); offending != nil {
		return false, newHostKeyChangedError(q.host.name, *offending, q.key)
	}
	return q.host.match != nil, nil
}

// Presence is the answer of IsInKnownHosts, with the numbers that Conch uses.
type Presence int

const (
	Absent    Presence = 0 // not recorded, or the files cannot be read
	Present   Presence = 1 // recorded with this key
	Different Presence = 2 // recorded with another key of this type, or this key is revoked
)

// IsInKnownHosts is HasHostKey with all its answers in one number (C-CLIENT-27). Unlike Conch's it understands hashed names and
// creates no directory; Save does that.
func (f *File) IsInKnownHosts(name string, key gossh.PublicKey) Presence {
	found, err := f.HasHostKey(name, key)
	_, changed := errors.AsType[*HostKeyChangedError](err)
	_, revoked := errors.AsType[*RevokedKeyError](err)
	switch {
	case found:
		return Present
	case changed || revoked:
		return Different
	default:
		return Absent
	}
}

// inquiry collects in one pass over the files what they say about one key and up to three names.
type inquiry struct {
	key  gossh.PublicKey    // the plain key
	cert *gossh.Certificate // nil when a plain key was presented

	host record // the host, with the port if that is not 22
	bare record // the host without its port; no name when that is the same
	ip   record // the address, with the port likewise; no name when it is not to be looked at

	revoked *Entry // the first line that revokes the key or its certificate's authority
}

// record is what the files say about one name and the key: the first line of each kind.
type record struct {
	name      string
	match     *Entry  // has this key
	changed   *Entry  // has another key of its type
	authority *Entry  // has the authority that signed the certificate
	others    []Entry // have keys of other types, one for each type
}

func newInquiry(key gossh.PublicKey, host, bare, ip string) (*inquiry, error) {
	q := &inquiry{key: plainKey(key), host: record{name: host}}
	q.cert, _ = key.(*gossh.Certificate)
	if bare != host {
		q.bare.name = bare
	}
	if ip != host {
		q.ip.name = ip
	}
	for _, r := range q.records() {
		if err := checkName(r.name); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// addressName is Name for an address, which may be missing.
func addressName(ip string, port int) string {
	if ip == "" {
		return ""
	}
	return Name(ip, port)
}

// records lists the records that have a name; that of the host always counts.
func (q *inquiry) records() []*record {
	all := []*record{&q.host, &q.bare, &q.ip}
	return slices.DeleteFunc(all, func(r *record) bool { return r != &q.host && r.name == "" })
}

// read goes through the files. A key is decoded only on the lines whose hosts match.
func (q *inquiry) read(f *File) error {
	records := q.records()
	for line, err := range f.lines() {
		if err != nil {
			return err
		}
		hosts := line.hosts()
		for _, r := range records {
			if hosts.matches(r.name) {
				q.note(r, line.entry())
			}
		}
	}
	return nil
}

// note takes down a line that matches the name of r.
func (q *inquiry) note(r *record, e Entry) {
	switch {
	case !e.Parsed():
	case e.Marker == Revoked:
		if sameKey(plainKey(e.Key), q.key) || q.signedBy(e) {
			keepFirst(&q.revoked, e)
		}
	case e.Marker == CertAuthority:
		if q.signedBy(e) {
			keepFirst(&r.authority, e)
		}
	case e.MatchesKey(q.key):
		keepFirst(&r.match, e)
	case e.Key.Type() == q.key.Type():
		keepFirst(&r.changed, e)
	default:
		r.noteOther(e)
	}
}

// signedBy reports whether the line holds the key that signed the certificate.
func (q *inquiry) signedBy(e Entry) bool {
	return q.cert != nil && sameKey(plainKey(e.Key), q.cert.SignatureKey)
}

func (r *record) noteOther(e Entry) {
	known := func(o Entry) bool { return o.Key.Type() == e.Key.Type() }
	if !slices.ContainsFunc(r.others, known) {
		r.others = append(r.others, e)
	}
}

func keepFirst(slot **Entry, e Entry) {
	if *slot == nil {
		*slot = &e
	}
}

// contradiction is the line to blame when the name is recorded, but not with the key.
func (r *record) contradiction(otherTypesToo bool) *Entry {
	switch {
	case r.match != nil:
		return nil
	case r.changed == nil && otherTypesToo && len(r.others) > 0:
		return &r.others[0]
	default:
		return r.changed
	}
}

// authority is the line of the authority that signed the certificate and may do so for this host.
func (q *inquiry) authority() *Entry {
	if q.host.authority != nil {
		return q.host.authority
	}
	return q.bare.authority
}

// verdict puts together the answer; vouching is the line that made the key known.
func (q *inquiry) verdict(outcome Outcome, vouching *Entry) Verdict {
	v := Verdict{Outcome: outcome, Host: q.host.name, IP: q.ip.name, Key: q.key}
	if vouching != nil {
		v.Entry = *vouching
	}
	if outcome == Unknown {
		v.Missing = append(v.Missing, v.Host)
		v.Others = q.host.others
	}
	if outcome != Known && v.IP != "" && q.ip.match == nil {
		v.Missing = append(v.Missing, v.IP)
	}
	return v
}
