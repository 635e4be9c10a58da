package knownhosts_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/knownhosts"
	gossh "golang.org/x/crypto/ssh"
)

const (
	oldKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
	newKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIE5dw7ofSeV+JtF1kFuk2JGrVMRodRUeecWhW3qJkEL"
)

func key(text string) gossh.PublicKey {
	k, _, _, _, err := gossh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	return k
}

func temporary() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "knownhosts")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "known_hosts"), func() { os.RemoveAll(dir) }
}

// The first connection to a host asks, the next ones do not, and another key is
// refused.
func Example() {
	path, remove := temporary()
	defer remove()
	files := knownhosts.FromPath(path)
	name := knownhosts.HostPort("example.org", 22)

	connect := func(ip string, key gossh.PublicKey) {
		v, err := files.Check(name, ip, key)
		if changed, ok := errors.AsType[*knownhosts.HostKeyChangedError](err); ok {
			fmt.Println("refused: line", changed.Line, "has another key")
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Outcome)
		if err := files.Accept(v); err != nil { // as if the user had typed yes
			log.Fatal(err)
		}
	}
	connect("192.0.2.1", key(oldKey))
	connect("192.0.2.1", key(oldKey))
	connect("192.0.2.7", key(oldKey))
	connect("192.0.2.1", key(newKey))
	// Output:
	// unknown
	// known
	// known, address not recorded
	// refused: line 1 has another key
}

// A program records a key that it got over a safe channel, without a server.
func ExampleFile_Accept() {
	path, remove := temporary()
	defer remove()
	files := knownhosts.FromPath(path)
	err := files.Accept(knownhosts.Verdict{
		Key: key(oldKey),
		Missing: []knownhosts.Name{
			knownhosts.HostPort("Example.org", 2222),
			knownhosts.HostPort("2001:db8::1", 2222),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text[:60]))
	// Output: [example.org]:2222,[2001:db8::1]:2222 ssh-ed25519 AAAAC3NzaC
}

func ExampleVerdict_Message() {
	files := knownhosts.FromPath(os.DevNull)
	v, err := files.Check(knownhosts.HostPort("example.org", 2222), "192.0.2.1", key(oldKey))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Message() + "yes")
	// Output:
	// No key is recorded for host "[example.org]:2222" (address "[192.0.2.1]:2222").
	// The host presented the ED25519 key with the fingerprint
	// SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8
	// Trust this key, record it and continue (yes/no)? yes
}

func ExampleFile_HostKeyAlgorithms() {
	files := knownhosts.FromPath(os.DevNull)
	allowed := []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoECDSA256, gossh.KeyAlgoED25519}
	ordered, err := files.HostKeyAlgorithms(knownhosts.HostPort("example.org", 22), allowed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ordered)
	// Output: [ssh-ed25519 rsa-sha2-512 ecdsa-sha2-nistp256]
}

// An alias has no port, whatever the port of the connection.
func ExampleAlias() {
	fmt.Println(knownhosts.HostPort("Example.org", 22))
	fmt.Println(knownhosts.HostPort("Example.org", 2222))
	fmt.Println(knownhosts.Alias("Example.org"))
	// Output:
	// example.org
	// [example.org]:2222
	// example.org
}
