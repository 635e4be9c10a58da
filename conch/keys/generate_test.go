package keys_test

import (
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

func TestC_KEYS_14_Generate(t *testing.T) {
	for _, tt := range []struct {
		typ     keys.Type
		bits    int
		sshType string
		size    int
	}{
		{keys.RSA, 1024, "ssh-rsa", 1024}, {keys.RSA, 2048, "ssh-rsa", 2048}, {keys.RSA, 0, "ssh-rsa", 3072},
		{keys.EC, 0, "ecdsa-sha2-nistp256", 256}, {keys.EC, 256, "ecdsa-sha2-nistp256", 256}, {keys.EC, 384, "ecdsa-sha2-nistp384", 384},
		{keys.EC, 521, "ecdsa-sha2-nistp521", 521}, {keys.Ed25519, 0, "ssh-ed25519", 256}, {keys.Ed25519, 256, "ssh-ed25519", 256},
	} {
		k, err := keys.Generate(tt.typ, tt.bits)
		if err != nil || k.IsPublic() || k.SSHType() != tt.sshType || k.Size() != tt.size {
			t.Errorf("%s %d: %v, %v", tt.typ, tt.bits, k, err)
			continue
		}
		signature, err := k.Sign([]byte(signedData), "")
		if err != nil || !k.Public().Verify(signature, []byte(signedData)) {
			t.Errorf("%s %d: cannot sign: %v", tt.typ, tt.bits, err)
		}
	}
}

func TestC_KEYS_14_NotGenerated(t *testing.T) {
	for _, tt := range []struct {
		typ  keys.Type
		bits int
	}{{keys.DSA, 1024}, {keys.RSA, 512}, {keys.RSA, 16385}, {keys.RSA, -1}, {keys.EC, 224}, {keys.Ed25519, 255}, {"", 0}, {"rsa", 2048}} {
		_, err := keys.Generate(tt.typ, tt.bits)
		if mustBeBad(t, err, keys.ErrUnsupported); t.Failed() {
			t.Fatalf("%s %d", tt.typ, tt.bits)
		}
	}
}
