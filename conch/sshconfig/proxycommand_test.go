package sshconfig_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-go/hawser/conch/client"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

// TestMain makes the test binary a ProxyCommand that connects to its argument.
func TestMain(m *testing.M) {
	address := os.Getenv("PROXY_TO")
	if address == "" {
		os.Exit(m.Run())
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		os.Exit(1)
	}
	go func() { // ends with the process
		_, _ = io.Copy(c, os.Stdin)
		os.Exit(0)
	}()
	_, _ = io.Copy(os.Stdout, c)
}

// TestProxyCommand logs in through a command.
func TestProxyCommand(t *testing.T) {
	reactortest.CheckGoroutines(t)
	dir := t.TempDir()
	key, err := conchtest.NewKeyFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s := conchtest.NewServer(t, conchtest.Options{AuthorizedKeys: []gossh.PublicKey{key.PublicKey()}, Exec: func(_ string, ch gossh.Channel) uint32 {
		_, _ = io.Copy(ch, ch) // the end of the channel
		return 0
	}})
	text := fmt.Sprintf("User %s\nIdentityAgent none\nIdentityFile %s/id\nUserKnownHostsFile %s/known\nStrictHostKeyChecking accept-new\nProxyCommand env PROXY_TO=%s %s\n",
		s.User, dir, dir, s.Addr, os.Args[0])
	target, err := parse(t, text).Target("anything")
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.Start(t, reactor.Options{})
	out, err := reactor.Await(t.Context(), r, func() deferred.Deferred[client.Output] { return target.Exec(r, "cat", []byte("piped")) })
	if err != nil || string(out.Stdout) != "piped" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
}
