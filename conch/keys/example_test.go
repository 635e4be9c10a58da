package keys_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/keys"
)

const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f somebody@somewhere"

func ExampleFromString() {
	key, err := keys.FromString([]byte(line), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Type(), key.SSHType(), key.Size(), key.IsPublic())
	fmt.Println(key.Fingerprint(keys.MD5Hex))
	fmt.Println(key.Fingerprint(keys.SHA256Base64))

	_, err = keys.FromString([]byte("ssh-ed25519 AAAA"), nil)
	bad, ok := errors.AsType[*keys.BadKeyError](err)
	fmt.Println(ok, bad != nil)
	// Output:
	// Ed25519 ssh-ed25519 256 true
	// 0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba <nil>
	// ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA= <nil>
	// true true
}

// A private key is written encrypted. Without the passphrase, only its public
// half can be read.
func ExampleEncryptedKeyError() {
	key, err := keys.Generate(keys.Ed25519, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := key.ToString(keys.ToStringOptions{Passphrase: []byte("secret"), Comment: "laptop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = keys.FromString(text, nil)
	if encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err); ok {
		fmt.Println("encrypted, public half known:", encrypted.Public.Equal(key.Public()))
	}
	_, err = keys.FromString(text, []byte("guess"))
	fmt.Println("wrong passphrase:", errors.Is(err, keys.ErrWrongPassphrase))
	opened, err := keys.FromString(text, []byte("secret"))
	fmt.Println(opened.Equal(key), err)
	// Output:
	// encrypted, public half known: true
	// wrong passphrase: true
	// true <nil>
}

func ExampleKey_Sign() {
	key, err := keys.Generate(keys.EC, 384)
	if err != nil {
		fmt.Println(err)
		return
	}
	signature, err := key.Sign([]byte("data"), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Public().Verify(signature, []byte("data")), key.Verify(signature, []byte("other data")))

	_, err = key.Sign([]byte("data"), "ssh-rsa")
	if bad, ok := errors.AsType[*keys.BadSignatureAlgorithmError](err); ok {
		fmt.Println("not", bad.Algorithm, "but", bad.Supported)
	}
	// Output:
	// true false
	// not ssh-rsa but [ecdsa-sha2-nistp384]
}

// A program logs in with a key file, or offers it as the host key of a server.
func ExampleSignerFromFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "id_ed25519")
	if _, err := keys.PersistentKey(path, keys.Ed25519, 0); err != nil {
		fmt.Println(err)
		return
	}
	signer, err := keys.SignerFromFile(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signer.PublicKey().Type())

	_, err = keys.SignerFromFile(filepath.Join(dir, "missing"), nil)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// ssh-ed25519
	// true
}

// A server keeps its host key from one run to the next.
func ExamplePersistentKey() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "state", "host_key")
	first, err := keys.PersistentKey(path, keys.Ed25519, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := keys.PersistentKey(path, keys.Ed25519, 0)
	fmt.Println(second.Equal(first), err)
	// Output:
	// true <nil>
}
