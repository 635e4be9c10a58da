package cftp

import (
	"context"
	"fmt"
	"strings"
	"unicode"

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
		if len(candidates) > 1 {
			s.tabs = 0
		}
		return
	}
	if !list || len(candidates) == 1 {
		s.bell()
		return
	}
	s.AddOutput(inColumns(shownNames(candidates), s.width()), true)
}

// commonStart returns the beginning that all candidates have in common, up to
// the first character that cannot stand in a line.
func commonStart(candidates []string) string {
	common := candidates[0]
	for _, c := range candidates[1:] {
		n := 0
		for n < min(len(common), len(c)) && common[n] == c[n] {
			n++
		}
		common = common[:n]
	}
	end := len(common)
	if i := strings.IndexFunc(common, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }); i >= 0 {
		end = i
	}
	if len(candidates) == 1 {
		return common[:end]
	}
	whole := 0 // do not cut a character
	for _, cluster := range insults.Clusters(common[:end]) {
		next := whole + len(cluster)
		if next == len(common) && !boundary(candidates, next) {
			break
		}
		whole = next
	}
	return common[:whole]
}

// boundary reports whether a character ends at n in all candidates.
func boundary(candidates []string, n int) bool {
	for _, c := range candidates {
		at := 0
		for _, cluster := range insults.Clusters(c) {
			if at >= n {
				break
			}
			at += len(cluster)
		}
		if at != n {
			return false
		}
	}
	return true
}

// shownNames returns the last elements of candidates, as a user sees them.
func shownNames(candidates []string) []string {
	names := make([]string, 0, min(len(candidates), maxListed))
	for _, c := range candidates[:min(len(candidates), maxListed)] {
		name, slash := strings.CutSuffix(strings.Trim(c, `"' `), "/")
		name = text.Line(name[strings.LastIndexByte(name, '/')+1:])
		if slash {
			name += "/"
		}
		names = append(names, name)
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
