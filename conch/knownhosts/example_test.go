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

// The first connection to a host asks, the next ones do not, and another key is refused.
func Example() {
	path, remove := temporary()
	defer remove()
	file := knownhosts.FromPath(path)

	connect := func(ip string, key gossh.PublicKey) {
		v, err := file.Check("example.org", 22, ip, key)
		if changed, ok := errors.AsType[*knownhosts.HostKeyChangedError](err); ok {
			fmt.Println("refused: line", changed.LineNo, "has another key")
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Outcome)
		if err := file.Accept(v); err != nil { // as if the user had said yes
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

func ExampleVerdict_Question() {
	v, err := knownhosts.FromPath(os.DevNull).Check("example.org", 2222, "192.0.2.1", key(oldKey))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Question() + "yes")
	// Output:
	// No key is recorded for host [example.org]:2222 ([192.0.2.1]:2222), so nothing proves that this is it.
	// It presents the ED25519 key with fingerprint SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8
	// Trust this key, record it and go on (yes/no)? yes
}

func ExampleFile_HostKeyAlgorithms() {
	path, remove := temporary()
	defer remove()
	file := knownhosts.FromPath(path)
	if _, err := file.AddHostKey("example.org", key(oldKey)); err != nil {
		log.Fatal(err)
	}
	known, err := file.HostKeyAlgorithms("example.org", 22)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(knownhosts.PreferKnown(known, []string{gossh.KeyAlgoECDSA256, gossh.KeyAlgoED25519}))
	// Output: [ssh-ed25519 ecdsa-sha2-nistp256]
}

func ExampleFile_Entries() {
	path, remove := temporary()
	defer remove()
	lines := "# my hosts\n*.example.org,!old.example.org " + oldKey + " by hand\n"
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		log.Fatal(err)
	}
	file := knownhosts.FromPath(path)
	for e := range file.Entries() {
		fmt.Println(e.Line, e.Parsed(), e.MatchesHost("new.example.org"), e.MatchesHost("old.example.org"))
	}
	if err := file.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 false false false
	// 2 true true false
}

func ExampleName() {
	fmt.Println(knownhosts.Name("Example.org", 22))
	fmt.Println(knownhosts.Name("2001:db8::1", 2222))
	// Output:
	// example.org
	// [2001:db8::1]:2222
}
