package keys_test

import (
	"crypto/sha512"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
	gossh "golang.org/x/crypto/ssh"
)

// signAndCheck has ssh-keygen check a signature made here (OpenSSH's
// PROTOCOL.sshsig), and the other way round.
func signAndCheck(t *testing.T, keygen string, k *keys.Key, algorithm string) {
	t.Helper()
	const namespace = "test"
	sum := sha512.Sum512([]byte(signedData))
	signed := append([]byte("SSHSIG"), gossh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{namespace, "", "sha512", string(sum[:])})...)
	signature, err := k.Sign(signed, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	type envelope struct {
		Version                        uint32
		Key                            []byte
		Namespace, Reserved, Hash, Sig string
	}
	body := gossh.Marshal(envelope{1, k.Blob(), namespace, "", "sha512", string(signature)})
	ours := file(t, "sig", pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: append([]byte("SSHSIG"), body...)}))
	check := exec.Command(keygen, "-Y", "check-novalidate", "-n", namespace, "-s", ours)
	check.Stdin = strings.NewReader(signedData)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("ssh-keygen refuses a signature of type %q by %v: %v\n%s", algorithm, k, err, out)
	}

	path := file(t, "key", toString(t, k, keys.ToStringOptions{Subtype: keys.V1}))
	data := file(t, "data", []byte(signedData))
	run(t, keygen, "-q", "-Y", "sign", "-n", namespace, "-f", path, data)
	made, err := os.ReadFile(data + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(made)
	var theirs envelope
	if err := gossh.Unmarshal(block.Bytes[len("SSHSIG"):], &theirs); err != nil {
		t.Fatal(err)
	}
	if !k.Verify([]byte(theirs.Sig), signed) {
		t.Errorf("the signature by ssh-keygen with %v is refused", k)
	}
}
