package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

func TestServe(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serve(r, 0) })
	})
	if err != nil {
		t.Fatal(err)
	}
	config := &gossh.ClientConfig{User: "user", Auth: []gossh.AuthMethod{gossh.Password("wrong")}, HostKeyCallback: gossh.InsecureIgnoreHostKey()}
	if _, err := gossh.Dial("tcp", port.GetHost().String(), config); err == nil {
		t.Error("a wrong password was accepted")
	}
	config.Auth = []gossh.AuthMethod{gossh.Password("password")}
	c, err := gossh.Dial("tcp", port.GetHost().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run("ls"); err == nil {
		t.Error("a command was executed")
	}
	if s, err = c.NewSession(); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Error(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "hello\r\x04"); err != nil {
		t.Error(err)
	}
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	if want := "This server echoes. Ctrl-D ends it.\r\nhello\r\n"; out.String() != want {
		t.Errorf("%q", &out)
	}
}
