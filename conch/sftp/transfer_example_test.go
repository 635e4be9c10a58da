package sftp_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The program uploads a tree and downloads one of its files.
func Example() {
	server, err := conchtest.Start(conchtest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	local, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(local)
	_ = os.Mkdir(filepath.Join(local, "tree"), 0o777)
	_ = os.WriteFile(filepath.Join(local, "tree", "greeting"), []byte("hello"), 0o666)

	r := reactor.New(reactor.Options{})
	job := func(co *deferred.Coro) (struct{}, error) {
		s, err := deferred.Await(co, sftp.Open(r, server.Addr.String(), options(server)))
		if err != nil {
			return struct{}{}, err
		}
		up, err := deferred.Await(co, s.Put(filepath.Join(local, "tree"), "tree", sftp.Options{Preserve: true}))
		if err != nil {
			return struct{}{}, err
		}
		fmt.Println("up:", up.Dirs, "directory,", up.Files, "file,", up.Bytes, "bytes")
		down, err := deferred.Await(co, s.GetTo("tree/greeting", os.Stdout, sftp.Options{}))
		fmt.Println("\ndown:", down.Bytes, "bytes")
		return struct{}{}, err
	}
	r.CallWhenRunning(func() {
		deferred.Inline(job).AddBoth(func(_ struct{}, err error) (struct{}, error) {
			if err != nil {
				fmt.Println(err)
			}
			return struct{}{}, r.Stop()
		})
	})
	fmt.Println(r.Run())
	// Output:
	// up: 1 directory, 1 file, 5 bytes
	// hello
	// down: 5 bytes
	// <nil>
}

// password is a UI that answers every question with the password.
type password struct {
	client.UI
	text string
}

func (p password) ReadLine(string, bool) deferred.Deferred[string] { return deferred.Succeed(p.text) }

func (p password) Warn(string) {}

func options(server *conchtest.Server) sftp.OpenOptions {
	known := filepath.Join(server.Dir, "known_hosts")
	_ = os.WriteFile(known, []byte(conchtest.KnownHostsLine(server.Addr, server.HostKey)), 0o600)
	o := sftp.OpenOptions{User: server.User}
	o.KnownHosts, o.NoAgent, o.UI = []string{known}, true, password{text: server.Password}
	return o
}
