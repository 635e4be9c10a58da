package sftp_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// The program reads a file on a goroutine.
func ExampleDial() {
	target, options, end := exampleServer()
	defer end()
	ctx := context.Background()

	files := must(sftp.Dial(ctx, target, options))
	file := must(files.Open(ctx, "greeting"))
	must(io.Copy(os.Stdout, file))
	check(files.Close())
	// Output:
	// hello
}

// exampleServer starts a server with one file. It returns the target and the
// options to log in.
func exampleServer() (target string, options sftp.OpenOptions, end func()) {
	server := must(conchtest.Start(conchtest.Options{Password: "sesame"}))
	known := filepath.Join(server.Dir, "known_hosts")
	check(os.WriteFile(known, []byte(conchtest.KnownHostsLine(server.Addr, server.HostKey)), 0o600))
	check(os.WriteFile(filepath.Join(server.Dir, "greeting"), []byte("hello\n"), 0o600))
	options.Options = client.Options{Password: "sesame", KnownHosts: []string{known}}
	return server.User + "@" + server.Addr.String(), options, func() { check(server.Close()) }
}

// must and check panic on an error.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The program makes a directory over SFTP and requests its attributes.
func ExampleOpen() {
	to, end := sshtest.ExampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		session := sftp.Open(r, fmt.Sprintf("%s@%s:%d", to.User, to.Host, to.Port), sftp.OpenOptions{Options: to.Options})
		made := deferred.ThenDeferred(session, func(s *sftp.Client) deferred.Deferred[filetransfer.Attrs] {
			s.MakeDirectory("foobarbaz", filetransfer.Attrs{}).AddErrback(func(err error) (filetransfer.Status, error) {
				fmt.Println(err)
				return filetransfer.Status{}, nil
			})
			// No need to wait for the reply: the server handles requests in
			// order.
			return s.GetAttrs("foobarbaz", false)
		})
		made.AddBoth(func(a filetransfer.Attrs, err error) (filetransfer.Attrs, error) {
			fmt.Println(a.FileMode().IsDir(), err)
			return a, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// true <nil>
}
