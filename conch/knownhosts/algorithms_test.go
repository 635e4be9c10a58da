package knownhosts

import (
	"slices"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// Short names for the rows below.
const (
	algEd      = gossh.KeyAlgoED25519
	algP256    = gossh.KeyAlgoECDSA256
	algRSA256  = gossh.KeyAlgoRSASHA256
	algRSA512  = gossh.KeyAlgoRSASHA512
	algRSACert = gossh.CertAlgoRSASHA512v01
	algEdCert  = gossh.CertAlgoED25519v01
)

func TestC_CLIENT_28_F36_HostKeyAlgorithms(t *testing.T) {
	allowed := []string{algRSACert, algEdCert, algRSA256, algRSA512, algP256, algEd}
	f := FromPath(tempFile(t,
		line("a,b", ec(1)), line("b", rsaKey(1)), line("b", ec(2)), line("b", ed(1)), line("B", rsaKey(2)),
		line("[b]:2222", ed(1)),
		marked(certAuthority, "c,d", ed(9)), line("d", ec(1)),
		marked(revoked, "e", ec(1)),
		line(hashOf("h"), ec(1)),
		line("bad", ec(1))[:50],
		line("r", rsaKey(1)),
	), tempFile(t, line("global", ec(1))))
	first := []string{algEd, algRSA256, algRSA512, algP256, algEdCert, algRSACert}
	ecdsa := []string{algP256, algEd, algRSA256, algRSA512, algEdCert, algRSACert}
	for name, tt := range map[string]struct {
		name Name
		want []string
	}{
		"F36 first contact":             {host("nobody"), first},
		"F36 first contact on a port":   {HostPort("nobody", 2222), first},
		"known type first":              {host("a"), ecdsa},
		"known type first, global file": {host("global"), ecdsa},
		"known type first, hashed":      {host("h"), ecdsa},
		"all algorithms of an RSA key":  {host("r"), []string{algRSA256, algRSA512, algEd, algP256, algEdCert, algRSACert}},
		"all known":                     {host("B"), first},
		"known on this port":            {HostPort("b", 2222), first},
		"known without the port":        {HostPort("a", 2222), ecdsa},
		"F20 alias":                     {Alias("A"), ecdsa},
		"authority":                     {host("c"), []string{algEdCert, algRSACert, algEd, algRSA256, algRSA512, algP256}},
		"authority and a key":           {host("d"), []string{algEdCert, algRSACert, algP256, algEd, algRSA256, algRSA512}},
		"revoked keys do not count":     {host("e"), first},
		"malformed lines do not count":  {host("bad"), first},
	} {
		got, err := f.HostKeyAlgorithms(tt.name, allowed)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
	if allowed[0] != algRSACert {
		t.Error("the caller's list has changed")
	}
}

// Nothing is added to the allowed algorithms: a recorded RSA key does not bring
// SHA-1 back.
func TestHostKeyAlgorithmsDoNotWiden(t *testing.T) {
	f := FromPath(tempFile(t, line("host", rsaKey(1)), marked(certAuthority, "host", ed(9))))
	for _, allowed := range [][]string{{}, {algEd}, {algP256, algRSA512}} {
		got, err := f.HostKeyAlgorithms(host("host"), allowed)
		slices.Sort(got)
		slices.Sort(allowed)
		if err != nil || !slices.Equal(got, allowed) {
			t.Errorf("of %q: %q, %v", allowed, got, err)
		}
	}
	got, err := f.HostKeyAlgorithms(host("nobody"), nil)
	if err != nil || len(got) != len(gossh.SupportedAlgorithms().HostKeys) || got[0] != algEd {
		t.Errorf("by default: %q, %v", got, err)
	}
	if last := got[len(got)-1]; !strings.Contains(last, "-cert-") {
		t.Errorf("without an authority certificates are last: %q", got)
	}
}
