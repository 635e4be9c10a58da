package insults

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/mattn/go-runewidth"
)

// widths is the table of widths. It takes characters of ambiguous width for
// narrow, whatever the locale of the server's process is.
var widths = &runewidth.Condition{StrictEmojiNeutral: true}

// Cells returns the number of cells that text takes on a screen. Control
// sequences and control characters take none. Any goroutine may call Cells.
func Cells(text string) int {
	if isPlain(text) {
		return len(text)
	}
	n := 0
	for _, cluster := range Clusters(text) {
		n += ClusterCells(cluster)
	}
	return n
}

// isPlain reports whether text has only printable ASCII, of one cell each.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= del {
			return false
		}
	}
	return true
}

// ClusterCells returns the number of cells of a cluster of [Clusters]: 0, 1 or
// 2. Any goroutine may call ClusterCells.
func ClusterCells(cluster string) int {
	if len(cluster) == 1 {
		if cluster[0] < 0x20 || cluster[0] == del {
			return 0
		}
		return 1
	}
	return min(widths.StringWidth(cluster), 2)
}

// Clusters splits text into what users see as characters: extended grapheme
// clusters, such as a letter with its accents. Control sequences are left out.
// Any goroutine may call Clusters.
func Clusters(text string) []string {
	var clusters []string
	for rest := text; rest != ""; {
		plain, sequence := rest, 0
		if i := strings.IndexByte(rest, esc); i >= 0 {
			plain, sequence = rest[:i], sequenceLength(rest[i:])
		}
		for it := graphemes.FromString(plain); it.Next(); {
			clusters = append(clusters, it.Value())
		}
		rest = rest[len(plain)+sequence:]
	}
	return clusters
}

// sequenceLength returns the length of the control sequence at the beginning of
// s.
func sequenceLength(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if c := classify(rune(s[i])); c != classParameter {
				return i + 1
			}
		}
		return len(s)
	case ']', 'P', 'X', '^', '_':
		end := len(s)
		if i := strings.IndexByte(s, bel); i >= 0 {
			end = i + 1
		}
		if i := strings.Index(s, "\x1b\\"); i >= 0 {
			end = min(end, i+2)
		}
		return end
	case '(', ')', '#':
		return min(len(s), 3)
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	return 1 + size
}

// Joins reports whether more continues a cluster: both together are one
// character for users. Any goroutine may call Joins.
func Joins(cluster, more string) bool {
	if cluster == "" || more == "" || more[0] < utf8.RuneSelf {
		return false
	}
	it := graphemes.FromString(cluster + more)
	return it.Next() && it.End() == len(cluster)+len(more)
}
