package cftp

import (
	"context"
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// maxListed is the largest number of candidates that are listed.
const maxListed = 200

// HandleTab completes the word before the cursor. The candidates may come from
// the server; Ctrl-C ends the search.
func (s *screen) HandleTab() {
	before, after := s.CurrentLineBuffer()
	again := s.tabs > 1
	d := s.d
	s.work(func(ctx context.Context) func() {
		start, candidates := d.shell.Complete(ctx, before+after, len(before))
		return func() {
			s.stopped = false
			s.completed(before, start, candidates, again)
			if d.gone {
				d.end(StatusLost, d.reason)
				return
			}
			s.pressWaiting()
		}
	})
}

// completed uses the candidates for before[start:]. With list, they are listed
// if they have nothing more in common.
func (s *screen) completed(before string, start int, candidates []string, list bool) {
	if len(candidates) == 0 || start < 0 || start > len(before) {
		s.bell()
		return
	}
	word := before[start:]
	common := commonStart(candidates)
	if common != word && (len(common) > len(word) || len(candidates) == 1) {
		s.ReplaceWord(word, common)
		return
	}
	if !list || len(candidates) == 1 {
		s.bell()
		return
	}
	s.AddOutput(inColumns(shownNames(candidates), s.width()), true)
}

// commonStart returns the beginning that all candidates have in common. It ends
// between two characters that users see.
func commonStart(candidates []string) string {
	common := insults.Clusters(candidates[0])
	for _, c := range candidates[1:] {
		other := insults.Clusters(c)
		n := 0
		for n < min(len(common), len(other)) && common[n] == other[n] {
			n++
		}
		common = common[:n]
	}
	return strings.Join(common, "")
}

// shownNames returns the last elements of candidates, as a user sees them.
func shownNames(candidates []string) []string {
	names := make([]string, 0, min(len(candidates), maxListed))
	for _, c := range candidates[:min(len(candidates), maxListed)] {
		name, _, _ := firstWord(c)
		end := strings.TrimSuffix(name, "/")
		names = append(names, text.Path(name[strings.LastIndexByte(end, '/')+1:]))
	}
	if more := len(candidates) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("(%d more)", more))
	}
	return names
}

// inColumns lays out names in columns, as ls does.
func inColumns(names []string, width int) string {
	cells := 0
	for _, n := range names {
		cells = max(cells, insults.Cells(n)+2)
	}
	columns := max((width-1)/max(cells, 1), 1)
	rows := (len(names) + columns - 1) / columns
	var b strings.Builder
	for row := range rows {
		line := ""
		for i := row; i < len(names); i += rows {
			line += names[i] + strings.Repeat(" ", cells-insults.Cells(names[i]))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
