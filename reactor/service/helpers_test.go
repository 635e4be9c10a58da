package service_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/service"
)

type none = struct{}

var errTest = errors.New("failed as it should")

const second = time.Second

func mustStart(t *testing.T, s service.Service) {
	t.Helper()
	if err := s.StartService(); err != nil {
		t.Fatal(err)
	}
}

func wantNoCalls(t *testing.T, c *reactortest.Clock) {
	t.Helper()
	if calls := c.GetDelayedCalls(); len(calls) > 0 {
		t.Errorf("left: %v", calls)
	}
}

// times notes when something happened.
type times struct {
	clock *reactortest.Clock
	at    []string
}

func (n *times) note() { n.at = append(n.at, fmt.Sprint(n.clock.Elapsed())) }

func (n *times) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(n.at, want) {
		t.Errorf("at %v, want %v", n.at, want)
	}
}

// notes are the events of several services, in order.
type notes []string

func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*n, want) {
		t.Errorf("got  %v\nwant %v", *n, want)
	}
	*n = nil
}

// part is a service that notes its events and does what its hooks say.
type part struct {
	service.BaseService
	events  *notes
	onStart func() error
	onStop  func() deferred.Deferred[none]
}

func newPart(events *notes, name string) *part {
	p := &part{events: events}
	p.SetName(name)
	return p
}

func (p *part) StartService() error {
	*p.events = append(*p.events, "start "+p.Name())
	if p.onStart != nil {
		return p.onStart()
	}
	return nil
}

func (p *part) StopService() (d deferred.Deferred[none]) {
	*p.events = append(*p.events, "stop "+p.Name())
	if p.onStop != nil {
		return p.onStop()
	}
	return d
}
