package main

import (
	"strings"
	"testing"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/examples/internal/sshdemotest"
)

// TestRun logs in with the right secret, and with a wrong one, which no error shows.
func TestRun(t *testing.T) {
	target := sshdemotest.Server(t, conchtest.Options{Password: "sesame"})
	if err := run(target, "sesame"); err != nil {
		t.Error(err)
	}
	if err := run(target, "mellon"); err == nil || strings.Contains(err.Error(), "mellon") {
		t.Errorf("got %v", err)
	}
}
