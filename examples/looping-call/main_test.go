package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/reactor/reactortest"
	"github.com/hawser-go/hawser/reactor/task"
)

func TestTickerForAnHour(t *testing.T) {
	clock := reactortest.NewClock()
	var out bytes.Buffer
	ticker(clock, &out).Start(time.Second, true)
	for range 3600 {
		clock.Advance(time.Second)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3601 || lines[3600] != "1h0m0s passed, 0 missed" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestTickerThatIsHeldUp(t *testing.T) {
	clock := reactortest.NewClock()
	var out bytes.Buffer
	ticker(clock, &out).Start(time.Second, false)
	clock.Pump(time.Second, 5*time.Second)
	if got := out.String(); got != "1s passed, 0 missed\n6s passed, 4 missed\n" {
		t.Errorf("got %q", got)
	}
}

// full is a writer that fails because the disk is full.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTickerThatCannotWrite(t *testing.T) {
	clock := reactortest.NewClock()
	l := ticker(clock, full{})
	l.Start(time.Second, true).AddErrback(func(err error) (*task.LoopingCall, error) {
		if !errors.Is(err, errFull) {
			t.Errorf("got %v", err)
		}
		return nil, nil
	})
	if l.Running() || len(clock.GetDelayedCalls()) > 0 {
		t.Error("still running")
	}
}
