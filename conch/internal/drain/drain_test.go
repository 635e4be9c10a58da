package drain_test

import (
	"testing"

	"github.com/hawser-go/hawser/conch/internal/drain"
)

// pauses is a producer that counts how often it must wait.
type pauses struct{ n int }

func (p *pauses) PauseProducing()  { p.n++ }
func (p *pauses) ResumeProducing() { p.n-- }
func (p *pauses) StopProducing()   { p.n = -1 }

// TestC_SCRIPTS_20_ClosedWhilePaused: an output whose reader goes while the far end
// waits for it lets the far end continue, because the end of the session is behind
// the output. An output that did not let it wait does not undo the wait for the
// other output.
func TestC_SCRIPTS_20_ClosedWhilePaused(t *testing.T) {
	far := &pauses{}
	out, errs := &drain.Producer{From: far}, &drain.Producer{From: far}
	out.PauseProducing()
	errs.StopProducing()
	if far.n != 1 {
		t.Errorf("%d pauses after the end of the other output, want 1", far.n)
	}
	out.StopProducing()
	if far.n != 0 {
		t.Errorf("%d pauses after the end of both outputs, want 0", far.n)
	}
	out.ResumeProducing()
	if far.n != 0 {
		t.Errorf("%d pauses after a late resume, want 0", far.n)
	}
}
