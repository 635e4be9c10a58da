//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// A user inspects and changes the counter with OpenSSH's client, in a real
// terminal.
func TestManhole(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	log := new(reactortest.Log)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	dir, counter := t.TempDir(), NewCounter()
	listening, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serve(r, 0, dir, counter) })
	})
	if err != nil {
		t.Fatal(err)
	}
	port := listening.GetHost().(reactor.IPAddress).Port()
	m := tmuxtest.Start(t, 60, 20, ssh, "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-i", keyFile(dir), "-p", fmt.Sprint(port), "admin@127.0.0.1")
	m.Wait(">>>")
	count := func() { r.CallFromThread(func() { _ = counter.Count() }) }
	count()
	count()
	m.Type("counter.Val", "Tab", "Enter")
	m.Wait(">>> counter.Value\n2\n>>>")
	m.Type("counter.Step = 100", "Enter", "counter.Next()", "Enter")
	m.Wait("<Deferred #0>\n>>>")
	m.Type("counter.R")
	m.Wait(">>> counter.R")
	count()
	m.Wait("Deferred #0 called back: 102\n>>> counter.R")
	m.Resize(30, 20)
	m.WaitFor("the line alone", func(screen string) bool { return strings.TrimSpace(screen) == ">>> counter.R" })
	m.Type("eset()", "Enter", "counter.Value", "Enter")
	m.Wait(">>> counter.Value\n0\n>>>")
	m.Type("for i in range(2):", "Enter", "  print(i)", "Enter", "Enter")
	m.Wait("...   print(i)\n...\n0\n1\n>>>")
	m.Type("exit()", "Enter")
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
	if len(log.Take("manhole: session opened")) != 1 {
		t.Errorf("the session is not logged: %q", log.Records())
	}
}
