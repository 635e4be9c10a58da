package sshdemotest

import (
	"testing"

	"github.com/hawser-go/hawser/conch/server"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// Serve lets a server listen until the test ends, and returns its address.
func Serve(t *testing.T, s *server.Server, log *reactortest.Log) (addr string) {
	t.Helper()
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return s.Listen(r, "127.0.0.1:0") })
	})
	if err != nil {
		t.Fatal(err)
	}
	return port.GetHost().String()
}

// Login logs in to a server. The connection is closed when the test ends. A wrong
// password must not be accepted.
func Login(t *testing.T, addr, user, password string) *gossh.Client {
	t.Helper()
	config := &gossh.ClientConfig{User: user, Auth: []gossh.AuthMethod{gossh.Password("not " + password)}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
	if c, err := gossh.Dial("tcp", addr, config); err == nil {
		c.Close()
		t.Error("a wrong password was accepted")
	}
	config.Auth = []gossh.AuthMethod{gossh.Password(password)}
	c, err := gossh.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
