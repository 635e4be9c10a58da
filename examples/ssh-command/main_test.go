package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor/reactortest"
	gossh "golang.org/x/crypto/ssh"
)

func TestServe(t *testing.T) {
	c := sshdemotest.Login(t, sshdemotest.Serve(t, newServer(), reactortest.NewLog(t)), "user", "password")
	for _, test := range []struct {
		line, input, out string
		status           int
	}{
		{"hello", "", "hello, user from " + c.LocalAddr().String() + "\n", 0},
		{"upper", "abc", "ABC", 0},
		{"ls", "", "\"ls\" is no command; there are hello, upper, wait\n", 127},
		{"", "hello\nls\n", "hello, user from " + c.LocalAddr().String() + "\n\"ls\" is no command; there are hello, upper, wait\n", 127},
		{"", "ls\n\nhello\nexit\nls\n", "\"ls\" is no command; there are hello, upper, wait\nhello, user from " + c.LocalAddr().String() + "\n", 0},
	} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var out, stderr bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader(test.input), &out, &stderr
		start := s.Shell
		if test.line != "" {
			start = func() error { return s.Start(test.line) }
		}
		if err := start(); err != nil {
			t.Fatal(err)
		}
		status := 0
		if exit, ok := errors.AsType[*gossh.ExitError](s.Wait()); ok {
			status = exit.ExitStatus()
		}
		if out.Write(stderr.Bytes()); out.String() != test.out || status != test.status {
			t.Errorf("%q %q: %q, %d", test.line, test.input, &out, status)
		}
	}
}

func TestTerminal(t *testing.T) {
	c := sshdemotest.Login(t, sshdemotest.Serve(t, newServer(), reactortest.NewLog(t)), "user", "password")
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
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
	if err := s.WindowChange(30, 100); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(in, "hello\r\x04"); err != nil {
		t.Error(err)
	}
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"user> ", "hello, user from ", "\r\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, &out)
		}
	}
}
