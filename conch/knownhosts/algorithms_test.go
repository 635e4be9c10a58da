package knownhosts

import (
	"slices"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func TestC_CLIENT_28_HostKeyAlgorithms(t *testing.T) {
	rsa := []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSA}
	certs := certificateAlgorithms()
	if !slices.Contains(certs, gossh.CertAlgoED25519v01) || slices.Contains(certs, gossh.KeyAlgoED25519) || slices.Contains(certs, gossh.CertAlgoRSAv01) {
		t.Fatalf("certificate algorithms %q", certs)
	}
	f := FromPath(tempFile(t,
		line("a,b", ec(1)), line("b", rsaKey(1)), line("b", ec(2)), line("b", ed(1)), line("B", rsaKey(2)),
		line("[b]:2222", ed(1)),
		marked(CertAuthority, "c,d", ed(9)), line("d", ed(1)),
		marked(Revoked, "e", ed(1)),
		line(hashOf("h"), ed(1)),
		line("bad", ed(1))[:50],
	))
	for _, tt := range []struct {
		host string
		port int
		want []string
	}{
		{"a", 22, []string{gossh.KeyAlgoECDSA256}},
		{"b", 0, slices.Concat([]string{gossh.KeyAlgoECDSA256}, rsa, []string{gossh.KeyAlgoED25519})},
		{"B", 2222, []string{gossh.KeyAlgoED25519}},
		{"a", 2222, []string{gossh.KeyAlgoECDSA256}},
		{"c", 22, certs},
		{"d", 22, slices.Concat(certs, []string{gossh.KeyAlgoED25519})},
		{"e", 22, nil},
		{"h", 22, []string{gossh.KeyAlgoED25519}},
		{"bad", 22, nil},
		{"nobody", 22, nil},
	} {
		got, err := f.HostKeyAlgorithms(tt.host, tt.port)
		if err != nil || !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%s, port %d: %q, %v; want %q", tt.host, tt.port, got, err, tt.want)
		}
	}
}

func TestPreferKnown(t *testing.T) {
	for _, tt := range []struct{ known, defaults, want []string }{
		{nil, nil, nil},
		{nil, []string{"a", "b"}, []string{"a", "b"}},
		{[]string{"b"}, []string{"a", "b", "c"}, []string{"b", "a", "c"}},
		{[]string{"x", "c"}, []string{"a", "b", "c"}, []string{"x", "c", "a", "b"}},
	} {
		if got := PreferKnown(tt.known, tt.defaults); !slices.Equal(got, tt.want) {
			t.Errorf("PreferKnown(%q, %q) = %q", tt.known, tt.defaults, got)
		}
	}
}
