package recvline

import (
	"slices"

	"github.com/hawser-go/hawser/conch/insults"
)

// DefaultMaxHistory is the default of HistoricRecvLine.MaxHistory.
const DefaultMaxHistory = 1000

// HistoricRecvLine is a [RecvLine] that remembers the lines. The keys Up and
// Down show them. Embed it by value. The zero value is ready to use.
//
// A line that was begun is kept while others are shown, and comes back after
// the newest of them. Changes of an old line count if it is entered, and are
// forgotten otherwise.
type HistoricRecvLine struct {
	RecvLine

	// HistoryLines are the lines, the oldest first. Programs may change them,
	// for example to load a history, and then set HistoryPosition to their
	// number.
	HistoryLines []string

	// HistoryPosition is the index of the line that is shown. It is the number
	// of lines while none is.
	HistoryPosition int

	// MaxHistory is the largest number of lines; 0 means DefaultMaxHistory.
	MaxHistory int

	draft  string
	search *search // nil without a search
}

var _ Line = (*HistoricRecvLine)(nil)

// Prepare sets everything up before ConnectionMade.
func (h *HistoricRecvLine) Prepare() {
	h.RecvLine.Prepare()
	h.search = nil
	h.HistoryPosition = len(h.HistoryLines)
	h.KeyHandlers[insults.Stroke{Key: insults.KeyUp}] = h.HandleUp
	h.KeyHandlers[insults.Stroke{Key: insults.KeyDown}] = h.HandleDown
}

// CurrentHistoryBuffer returns the lines before the position, and from there
// on.
func (h *HistoricRecvLine) CurrentHistoryBuffer() (before, after []string) {
	at := h.position()
	return slices.Clone(h.HistoryLines[:at]), slices.Clone(h.HistoryLines[at:])
}

// position returns the position within the lines, which the program may have
// changed.
func (h *HistoricRecvLine) position() int { return min(max(h.HistoryPosition, 0), len(h.HistoryLines)) }

// HandleReturn remembers the line, unless it is empty, and ends it.
func (h *HistoricRecvLine) HandleReturn() {
	h.finish()
	if line := h.LineBuffer(); line != "" {
		h.HistoryLines = append(h.HistoryLines, line)
	}
	longest := DefaultMaxHistory
	if h.MaxHistory > 0 {
		longest = h.MaxHistory
	}
	h.HistoryLines = slices.Delete(h.HistoryLines, 0, max(len(h.HistoryLines)-longest, 0))
	h.ResetHistoryPosition()
	h.RecvLine.HandleReturn()
}

// ResetHistoryPosition makes Up show the newest line next, and forgets the line
// that was begun.
func (h *HistoricRecvLine) ResetHistoryPosition() {
	h.HistoryPosition, h.draft = len(h.HistoryLines), ""
}

// HandleUp shows the line before.
func (h *HistoricRecvLine) HandleUp() {
	at := h.position()
	if at == 0 {
		return
	}
	h.finish()
	if at == len(h.HistoryLines) {
		h.draft = h.LineBuffer()
	}
	h.show(at - 1)
}

// HandleDown shows the line after, and after the newest one the line that was
// begun.
func (h *HistoricRecvLine) HandleDown() {
	at := h.position()
	switch {
	case at < len(h.HistoryLines):
		h.show(at + 1)
	case h.LineBuffer() == "":
		h.setLine("")
	}
}

// show shows a line, or what was begun.
func (h *HistoricRecvLine) show(at int) {
	h.HistoryPosition = at
	if at < len(h.HistoryLines) {
		h.setLine(h.HistoryLines[at])
		return
	}
	h.setLine(h.draft)
}
