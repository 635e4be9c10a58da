package conch_test

import (
	"slices"
	"testing"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/deferred"
)

// TestC_SCRIPTS_21_Channels: the open channels, in the order in which they were
// opened, until they are closed.
func TestC_SCRIPTS_21_Channels(t *testing.T) {
	r := sshtest.Start(t)
	_, to := sshtest.Embedded(t, conchtest.Options{})
	conn := sshtest.Connect(t, r, to)
	var seen sshtest.Events
	var opened []conch.Channel
	for range 3 {
		if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
			open := deferred.New[struct{}]()
			ch := sshtest.NewChannel(&seen, func(*sshtest.RecordingChannel) { open.Callback(struct{}{}) })
			opened = append(opened, ch)
			conn.OpenChannel(ch)
			return open
		}); err != nil {
			t.Fatal(err)
		}
	}
	sshtest.OnLoop(t, r, func() {
		if got := conn.Channels(); !slices.Equal(got, opened) {
			t.Errorf("%v, want %v", got, opened)
		}
	})
	second := opened[1].(*sshtest.RecordingChannel)
	if _, err := sshtest.Await(t, r, func() deferred.Deferred[struct{}] {
		second.LoseConnection()
		return second.WhenClosed()
	}); err != nil {
		t.Fatal(err)
	}
	sshtest.OnLoop(t, r, func() {
		if got := conn.Channels(); !slices.Equal(got, []conch.Channel{opened[0], opened[2]}) {
			t.Errorf("%v after the second was closed", got)
		}
	})
}
