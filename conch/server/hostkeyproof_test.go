package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hawser-go/hawser/conch/server"
	gossh "golang.org/x/crypto/ssh"
)

// otherKeys returns an ECDSA key, an RSA key and a certificate.
func otherKeys(t *testing.T) (ecKey, rsaKey, certificate gossh.Signer) {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signers := make([]gossh.Signer, 2)
	for i, key := range []any{ec, big} {
		if signers[i], err = gossh.NewSignerFromKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return signers[0], signers[1], hostCertificate(t)
}

// TestV_FORWARD_12_HostKeys: after the login the server announces its keys, but
// no certificates. It proves to have those that a client asks for.
func TestV_FORWARD_12_HostKeys(t *testing.T) {
	ecKey, rsaKey, certificate := otherKeys(t)
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, withUser(nil, handling(waits, nil)))
		b.f.PrivateKeys = append(b.f.PrivateKeys, ecKey, rsaKey, certificate)
		all := []gossh.PublicKey{b.host.PublicKey(), ecKey.PublicKey(), rsaKey.PublicKey()}
		s := b.rawIn(b.attach(from("192.0.2.1")))
		p, err := s.receive()
		var list []byte
		for _, key := range all {
			list = append(list, str(key.Marshal())...)
		}
		if want := globalMessage("hostkeys-00@openssh.com", false, list...); err != nil || string(p) != string(want) {
			t.Errorf("%q, %v", p, err)
		}
		if err := s.send(globalMessage("hostkeys-prove-00@openssh.com", true, list...)); err != nil {
			t.Fatal(err)
		}
		if p, err = s.expect(81); err != nil {
			t.Fatal(err)
		}
		rest := p[1:]
		for i, key := range all {
			var blob []byte
			blob, rest = take(rest)
			var signature gossh.Signature
			if err := gossh.Unmarshal(blob, &signature); err != nil {
				t.Fatal(err)
			}
			signed := join(str([]byte("hostkeys-prove-00@openssh.com")), str(s.sessionID), str(key.Marshal()))
			if err := key.Verify(signed, &signature); err != nil {
				t.Errorf("key %d: %v", i, err)
			}
			if i == 2 && !strings.HasPrefix(signature.Format, "rsa-sha2-") {
				t.Errorf("signed with %s", signature.Format)
			}
		}
		if len(rest) > 0 {
			t.Errorf("%d bytes follow", len(rest))
		}
		foreign := str(newKey(t).PublicKey().Marshal())
		for name, data := range map[string][]byte{
			"a foreign key": foreign, "a certificate": str(certificate.PublicKey().Marshal()), "twice": join(list, list), "malformed": {0, 0},
		} {
			if err := s.send(globalMessage("hostkeys-prove-00@openssh.com", true, data...)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.expect(82); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for n := 1; ; n++ { // each proof costs signatures
			if err := s.send(globalMessage("hostkeys-prove-00@openssh.com", true, list...)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.expect(81); err != nil {
				if n != 10 {
					t.Errorf("%d proofs", n)
				}
				break
			}
		}
	})
}

// TestV_FORWARD_12_UpdateHostKeys: ssh learns the keys of the server.
func TestV_FORWARD_12_UpdateHostKeys(t *testing.T) {
	ecKey, rsaKey, _ := otherKeys(t)
	s := newServed(t, func(f *server.SSHFactory) { f.PrivateKeys = append(f.PrivateKeys, ecKey, rsaKey) }, nil)
	for first, trusted := range map[string]gossh.Signer{"ssh-ed25519": s.host, "rsa-sha2-256": rsaKey} {
		line := "[127.0.0.1]:" + s.port + " " + string(gossh.MarshalAuthorizedKey(trusted.PublicKey()))
		if err := os.WriteFile(s.file("known"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := s.ssh("-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=yes", "-o", "HashKnownHosts=no",
			"-o", "HostKeyAlgorithms="+first+",ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512")
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []gossh.Signer{s.host, ecKey, rsaKey} {
			line := string(gossh.MarshalAuthorizedKey(key.PublicKey()))
			if !s.eventually(func() bool {
				known, _ := os.ReadFile(s.file("known")) // it may not exist yet
				return strings.Contains(string(known), line)
			}) {
				t.Errorf("with %s the key of type %s is not known", first, key.PublicKey().Type())
			}
		}
		in.Close()
		_ = cmd.Wait() // the command has no exit status of interest
	}
}
