package main

import (
	"slices"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

func TestServe(t *testing.T) {
	reactortest.CheckGoroutines(t) // of all reactors
	r := reactortest.Start(t, reactor.Options{Logger: reactortest.NewLog(t).Logger()})
	port, err := reactor.Await(t.Context(), r, func() deferred.Deferred[reactor.ListeningPort] {
		return deferred.Maybe(func() (reactor.ListeningPort, error) { return serve(r, 0, 3) })
	})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu     sync.Mutex // guards served
		served []string
		all    sync.WaitGroup
	)
	for range 6 {
		c := sshdemotest.Login(t, port.GetHost().String(), "user", "password") // two connections
		all.Go(func() {
			s, err := c.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			out, err := s.Output("which")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			served = append(served, string(out))
		})
	}
	all.Wait()
	slices.Sort(served)
	if got := slices.Compact(served); len(got) != 3 {
		t.Errorf("the clients were served by %q", got)
	}
}
