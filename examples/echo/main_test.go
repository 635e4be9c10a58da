package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/endpoints"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestEchoInMemory(t *testing.T) {
	var out bytes.Buffer
	s := &sender{lines: []string{"one", "two"}, out: &out, done: deferred.New[struct{}]()}
	done := s.done
	reactortest.NewPair(s, new(echo)).Flush()
	if out.String() != "one\ntwo\n" || !done.Called() {
		t.Errorf("got %q, done %v", &out, done.Called())
	}
}

func TestEchoOverASocket(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	socket := "unix:" + endpoints.QuoteStringArgument(filepath.Join(t.TempDir(), "socket"))
	var out bytes.Buffer
	_, err := reactor.Await(t.Context(), r, func() deferred.Deferred[struct{}] {
		serve(r, socket)
		return send(r, socket, strings.NewReader("hello\nworld\n"), &out)
	})
	if err != nil || out.String() != "hello\nworld\n" {
		t.Errorf("got %q, %v", &out, err)
	}
}

func TestBadDescriptions(t *testing.T) {
	r := reactortest.Start(t, reactor.Options{})
	for _, f := range []func() deferred.Deferred[struct{}]{
		func() deferred.Deferred[struct{}] { return serve(r, "nothing") },
		func() deferred.Deferred[struct{}] { return send(r, "nothing", nil, nil) },
	} {
		if _, err := reactor.Await(t.Context(), r, f); err == nil {
			t.Error("accepted")
		}
	}
}
