package sftp_test

import (
	"fmt"

	"github.com/hawser-go/hawser/conch/filetransfer"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// A directory made over SFTP, and looked at.
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
