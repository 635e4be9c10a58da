package forward_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/forward"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// hello starts a web server. The examples assume that only the SSH server can
// reach it.
func hello() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
}

// fetch gets a page. It blocks, so it must not be called on the loop.
func fetch(client *http.Client, url string) (string, error) {
	reply, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return string(text), err
}

// The program uses an HTTP client whose connections start at the SSH server.
func ExampleDialContext() {
	target, end := sshtest.ExampleTarget(conchtest.Options{Forwarding: true})
	defer end()
	web := hello()
	defer web.Close()
	r := reactor.New(reactor.Options{NoSignals: true})
	conn := &struct{ conch.SSHConnection }{}
	through := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return forward.DialContext(ctx, conn, network, address)
	}}}
	r.CallWhenRunning(func() {
		page := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[string] {
			return reactor.DeferToThread(r, func() (string, error) { return fetch(through, web.URL) })
		})
		page.OnResult(func(text string, err error) {
			fmt.Println(text, err)
			through.CloseIdleConnections()
			_ = r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: hello <nil>
}

// The program forwards a local port to the web server (ssh -L).
func ExampleLocal() {
	target, end := sshtest.ExampleTarget(conchtest.Options{Forwarding: true})
	defer end()
	web := hello()
	defer web.Close()
	r := reactor.New(reactor.Options{NoSignals: true})
	conn := &struct{ conch.SSHConnection }{}
	r.CallWhenRunning(func() {
		listening := deferred.ThenDeferred(target.Connect(r, conn), func(struct{}) deferred.Deferred[*forward.Forwarder] {
			return forward.Local(conn, "tcp", "127.0.0.1:0", "tcp", web.Listener.Addr().String())
		})
		page := deferred.ThenDeferred(listening, func(f *forward.Forwarder) deferred.Deferred[string] {
			return reactor.DeferToThread(r, func() (string, error) { return fetch(&http.Client{}, "http://"+f.Addr().String()) })
		})
		page.OnResult(func(text string, err error) {
			fmt.Println(text, err)
			http.DefaultClient.CloseIdleConnections()
			_ = r.Stop()
		})
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output: hello <nil>
}
