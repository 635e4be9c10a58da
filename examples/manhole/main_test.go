//go:build unix

package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/conchtest/tmuxtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

const asCommand = "HAWSER_TEST_MANHOLE" // makes the test program the command

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	m.Run()
}

// listen lets a manhole listen.
func listen(t *testing.T, r *reactor.Reactor, serve func() (reactor.ListeningPort, error)) string {
	t.Helper()
	listening, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] { return deferred.Maybe(serve) })
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(portOf(listening))
}

// inspect inspects and changes the counter, and leaves the manhole. count counts
// once.
func inspect(m *tmuxtest.Terminal, count func()) {
	m.Wait(">>>")
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
}

// A user gets in with OpenSSH's client and the key.
func TestSSH(t *testing.T) {
	ssh := conchtest.Program(t, "ssh")
	log := new(reactortest.Log)
	r := reactortest.Start(t, reactor.Options{Logger: log.Logger()})
	dir, counter := t.TempDir(), NewCounter()
	port := listen(t, r, func() (reactor.ListeningPort, error) { return serve(r, 0, dir, counter) })
	m := tmuxtest.Start(t, 60, 20, ssh, "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-i", keyFile(dir), "-p", port, "admin@127.0.0.1")
	inspect(m, func() { r.CallFromThread(func() { _ = counter.Count() }) })
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
	if len(log.Take("manhole: session opened")) != 1 {
		t.Errorf("the session is not logged: %q", log.Records())
	}
}

// A user gets in with a telnet client and the password.
func TestTelnet(t *testing.T) {
	telnet := conchtest.Program(t, "telnet")
	r := reactortest.Start(t, reactor.Options{Logger: slog.New(slog.DiscardHandler)})
	counter := NewCounter()
	port := listen(t, r, func() (reactor.ListeningPort, error) { return serveTelnet(r, 0, "sesame", counter) })
	m := tmuxtest.Start(t, 60, 20, telnet, "127.0.0.1", port)
	m.Wait("Username:")
	m.Type("admin", "Enter")
	m.Wait("Password:")
	m.Type("sesame", "Enter")
	inspect(m, func() { r.CallFromThread(func() { _ = counter.Count() }) })
	m.WaitEnd() // clients differ in the status when the server closes
}

// A user opens the manhole on the terminal of the program, where the counter
// counts by itself.
func TestHere(t *testing.T) {
	m := tmuxtest.Start(t, 60, 20, "env", asCommand+"=1", os.Args[0], "-here")
	m.Wait(">>>")
	m.Type("counter.Next()", "Enter")
	m.Wait("<Deferred #0>\n>>>")
	m.Wait("Deferred #0 called back: ")
	m.Type("counter.Step", "Enter")
	m.Wait(">>> counter.Step\n1\n>>>")
	m.Type("C-d")
	if status := m.WaitEnd(); status != 0 {
		t.Error("exit status", status)
	}
}
