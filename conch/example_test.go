package conch_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	gossh "golang.org/x/crypto/ssh"
)

// exampleTarget starts a server whose commands write their input in capitals.
func exampleTarget() (target *conch.Target, end func()) {
	s, err := conchtest.Start(conchtest.Options{Password: "sesame", Exec: func(_ string, ch gossh.Channel) uint32 {
		text, _ := io.ReadAll(ch) // the example shows what is missing
		_, _ = ch.Write(bytes.ToUpper(text))
		return 0
	}})
	if err != nil {
		panic(err)
	}
	known := filepath.Join(s.Dir, "known_hosts")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		panic(err)
	}
	host, port := s.HostPort()
	options := conch.ClientOptions{NoAgent: true, KnownHosts: []string{known}, Identities: []string{filepath.Join(s.Dir, "none")},
		UI: &scriptedUI{line: answering("sesame")}}
	return &conch.Target{User: s.User, Host: host, Port: port, Options: options}, func() { _ = s.Close() }
}

// One command on one server.
func ExampleTarget_Exec() {
	target, end := exampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		target.Exec(r, "upper", []byte("hello")).AddBoth(func(out conch.Output, err error) (conch.Output, error) {
			fmt.Printf("%s %v\n", out.Stdout, err)
			return out, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: HELLO <nil>
}

// Several commands on one connection, at the same time.
func ExampleExec() {
	target, end := exampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	conn := &struct{ conch.SSHConnection }{}
	r.CallWhenRunning(func() {
		outputs := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[[]conch.Output] {
			return deferred.Gather([]deferred.Deferred[conch.Output]{
				conch.Exec(conn, "upper", []byte("one")), conch.Exec(conn, "upper", []byte("two")),
			})
		})
		outputs.AddBoth(func(all []conch.Output, err error) ([]conch.Output, error) {
			for _, out := range all {
				fmt.Printf("%s\n", out.Stdout)
			}
			fmt.Println(err)
			return nil, r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ONE
	// TWO
	// <nil>
}

// A directory made over SFTP, and looked at.
func ExampleOpenSFTP() {
	to, end := exampleTarget()
	defer end()
	r := reactor.New(reactor.Options{NoSignals: true})
	r.CallWhenRunning(func() {
		session := conch.OpenSFTP(r, fmt.Sprintf("%s@%s:%d", to.User, to.Host, to.Port), conch.SFTPOptions{ClientOptions: to.Options})
		made := deferred.ThenDeferred(session, func(s *conch.SFTP) deferred.Deferred[filetransfer.Attrs] {
			s.MakeDirectory("foobarbaz", filetransfer.Attrs{}).AddErrback(func(err error) (filetransfer.Status, error) {
				fmt.Println(err)
				return filetransfer.Status{}, nil
			})
			return s.GetAttrs("foobarbaz", false) // need not wait: the server takes requests in their order
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
