package knownhosts

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

func TestCertificates(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the time in a bubble of synctest
	ca := edSigner(9)
	authority := marked(certAuthority, "*.example.org,!bad.example.org", ca.PublicKey())
	other := marked(certAuthority, "*", ed(8))
	names := []string{"host.example.org"}
	good := hostCert(ed(1), ca, names, nil)
	expired := hostCert(ed(1), ca, names, func(c *gossh.Certificate) { c.ValidBefore = uint64(now.Unix()) })
	forged := hostCert(ed(1), ca, names, nil)
	forged.ValidPrincipals = []string{"host.example.org", "*"}

	for _, tt := range []struct {
		name   string
		lines  []string
		host   string
		port   int
		alias  string
		cert   *gossh.Certificate
		want   Outcome
		reason string // in the error
	}{
		{name: "valid", lines: []string{other, authority}, cert: good, want: Known},
		{name: "valid, letter case", lines: []string{authority}, host: "HOST.Example.org", cert: good, want: Known},
		{name: "valid, hashed authority", lines: []string{marked(certAuthority, hashOf("host.example.org"), ca.PublicKey())}, cert: good, want: Known},
		{name: "valid, on a port", lines: []string{marked(certAuthority, "[host.example.org]:2222", ca.PublicKey())}, port: 2222, cert: good, want: Known},
		{name: "valid, authority without the port", lines: []string{authority}, port: 2222, cert: good, want: Known},
		{name: "F20 alias", lines: []string{marked(certAuthority, "alias", ca.PublicKey())}, alias: "Alias", cert: hostCert(ed(1), ca, []string{"alias"}, nil), want: Known},
		{name: "F20 alias, for the host", lines: []string{marked(certAuthority, "alias", ca.PublicKey())}, alias: "alias", cert: good, reason: "principal"},
		{name: "F26 foreign text", lines: []string{authority}, cert: hostCert(ed(1), ca, []string{"\x1b[2J" + strings.Repeat("x", 1<<20)}, nil), reason: "principal"},
		{name: "no names in it", lines: []string{authority}, cert: hostCert(ed(1), ca, nil, nil), want: Known},
		{name: "wildcard in it", lines: []string{authority}, cert: hostCert(ed(1), ca, []string{"*.example.org"}, nil), reason: "principal"},
		{name: "beats a changed plain key", lines: []string{line("host.example.org", ed(2)), authority}, cert: good, want: Known},
		{name: "within its time", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.ValidAfter, c.ValidBefore = uint64(now.Unix()), uint64(now.Unix()+1)
		}), want: Known},

		{name: "unknown authority", lines: []string{other}, cert: good, want: Unknown},
		{name: "authority of other hosts", lines: []string{authority}, host: "bad.example.org", cert: good, want: Unknown},
		{name: "authority without its marker", lines: []string{line("other", ca.PublicKey())}, cert: good, want: Unknown},
		{name: "unknown authority, known key", lines: []string{other, line("host.example.org", ed(1))}, cert: good, want: Known},
		{name: "expired, known key", lines: []string{authority, line("host.example.org", ed(1))}, cert: expired, want: Known},

		{name: "expired", lines: []string{authority}, cert: expired, reason: "expired"},
		{name: "not yet valid", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.ValidAfter = uint64(now.Unix() + 1)
		}), reason: "not yet"},
		{name: "for another host", lines: []string{authority}, host: "two.example.org", cert: good, reason: "principal"},
		{name: "of a user", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.CertType = gossh.UserCert
		}), reason: "not a host certificate"},
		{name: "critical option", lines: []string{authority}, cert: hostCert(ed(1), ca, names, func(c *gossh.Certificate) {
			c.CriticalOptions = map[string]string{"force-command": "x"}
		}), reason: "critical option"},
		{name: "forged", lines: []string{authority}, cert: forged, reason: "does not verify"},
		{name: "signed with SHA-1", lines: []string{marked(certAuthority, "*", sha1Authority.PublicKey())}, cert: hostCert(ed(1), sha1Authority, names, nil), reason: "insecure algorithm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := FromPath(tempFile(t, tt.lines...))
			name := HostPort(cmp.Or(tt.host, "host.example.org"), tt.port)
			if tt.alias != "" {
				name = Alias(tt.alias)
			}
			synctest.Test(t, func(t *testing.T) {
				v, err := f.Check(name, "192.0.2.1", tt.cert)
				switch {
				case err != nil && (len(err.Error()) > 4096 || !printable(strings.ReplaceAll(err.Error(), " ", ""))):
					t.Errorf("F26: error of %d bytes: %.1000q", len(err.Error()), err)
				case tt.reason != "":
					if err == nil || !strings.Contains(err.Error(), tt.reason) || !strings.Contains(err.Error(), ", line 1, is not valid") {
						t.Errorf("error %v", err)
					}
				case err != nil || v.Outcome != tt.want && (tt.want != Known || v.Outcome != KnownAddIP):
					t.Errorf("%v, %v", v.Outcome, err)
				case !sameKey(v.Key, ed(1)):
					t.Error("the key to ask about and to record is the plain key")
				}
			})
		})
	}
}

func TestCertificateRevoked(t *testing.T) {
	ca := edSigner(9)
	cert := hostCert(ed(1), ca, nil, nil)
	authority := marked(certAuthority, "*", ca.PublicKey())
	for name, gone := range map[string]gossh.PublicKey{
		"its key":             ed(1),
		"its authority":       ca.PublicKey(),
		"a certificate of it": cert,
	} {
		f := FromPath(tempFile(t, authority, line("host", ed(1)), marked(revoked, "*", gone)))
		_, err := f.Check(host("host"), "", cert)
		if e, ok := errors.AsType[*RevokedKeyError](err); !ok || e.Line != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := FromPath(tempFile(t, authority, line("host", ed(2)))).Check(host("host"), "", hostCert(ed(1), edSigner(7), nil, nil))
	if _, ok := errors.AsType[*HostKeyChangedError](err); !ok {
		t.Errorf("the plain key of a certificate that nobody vouches for has changed: %v", err)
	}
}

func TestAcceptRecordsPlainKey(t *testing.T) {
	f := FromPath(filepath.Join(t.TempDir(), "known_hosts"))
	cert := hostCert(ed(1), edSigner(9), nil, nil)
	judged, err := f.Check(host("judged"), "", cert)
	byHand := Verdict{Key: cert, Missing: []Name{host("byhand")}}
	if err := errors.Join(err, f.Accept(judged), f.Accept(byHand)); err != nil {
		t.Fatal(err)
	}
	if got, want := readFile(t, f.path), line("judged", ed(1))+"\n"+line("byhand", ed(1))+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

// sha1Authority signs with ssh-rsa, which ssh does not accept for certificates.
var sha1Authority = func() gossh.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	old, err := gossh.NewSignerWithAlgorithms(signer(key).(gossh.AlgorithmSigner), []string{gossh.KeyAlgoRSA})
	if err != nil {
		panic(err)
	}
	return old
}()
