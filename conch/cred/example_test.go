package cred_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/cred"
	"github.com/hawser-go/hawser/deferred"
)

// names is a realm whose avatars are strings.
type names struct{}

func (names) RequestAvatar(id string, mind any) deferred.Deferred[string] {
	return deferred.Succeed("the avatar of " + id)
}

// A portal with one checker.
func ExamplePortal() {
	portal := cred.NewPortal(names{}, cred.InMemory(map[string]string{"alice": "sesame"}))
	for _, password := range []string{"sesame", "guess"} {
		d := portal.Login(&cred.UsernamePassword{Username: "alice", Password: password}, nil)
		d.OnResult(func(avatar string, err error) { fmt.Printf("%q, %v\n", avatar, err) })
	}
	// Output:
	// "the avatar of alice", <nil>
	// "", cred: the login is refused
}

// A line of authorized_keys that cannot be obeyed is not used.
func ExampleParseAuthorizedKey() {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"
	for i, line := range []string{key + " alice@home", `restrict,command="date" ` + key, "no-shell " + key} {
		k := cred.ParseAuthorizedKey(line, fmt.Sprintf("keys:%d", i+1))
		fmt.Println(k.Source, k.Comment, k.Err)
	}
	// Output:
	// keys:1 alice@home <nil>
	// keys:2  <nil>
	// keys:3  cred: keys:3: unknown option "no-shell"
}
