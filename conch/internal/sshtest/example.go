package sshtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/hawser-go/hawser/conch/client"
	"github.com/hawser-go/hawser/conch/conchtest"
	gossh "golang.org/x/crypto/ssh"
)

// ExampleTarget starts a server for examples, in which there is no *testing.T.
// Every command on it writes its input in upper case. At most one opts changes
// more about the server. The caller must call end.
func ExampleTarget(opts ...conchtest.Options) (target *client.Target, end func()) {
	var o conchtest.Options
	if len(opts) > 0 {
		o = opts[0]
	}
	o.Password = "sesame"
	o.Exec = func(_ string, ch gossh.Channel) uint32 {
		text, _ := io.ReadAll(ch) // the output of the example shows an error
		_, _ = ch.Write(bytes.ToUpper(text))
		return 0
	}
	s, err := conchtest.Start(o)
	if err != nil {
		panic(err)
	}
	known := filepath.Join(s.Dir, "known_hosts")
	if err := os.WriteFile(known, []byte(conchtest.KnownHostsLine(s.Addr, s.HostKey)), 0o600); err != nil {
		panic(err)
	}
	host, port := s.HostPort()
	options := client.Options{
		NoAgent: true, KnownHosts: []string{known}, Identities: []string{filepath.Join(s.Dir, "none")},
		UI: &ScriptedUI{Line: Answering("sesame")},
	}
	return &client.Target{User: s.User, Host: host, Port: port, Options: options}, func() { _ = s.Close() }
}
