package cftp

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/sftp"
)

// stallTime is how long nothing moves in a transfer that has stalled.
const stallTime = 5 * time.Second

// meter draws the progress of transfers in one line of a terminal: name, parts,
// percentage, amount, rate and time left. Its methods return the text to write,
// which is empty if the line need not change.
type meter struct {
	now   func() time.Time
	width func() int // of the terminal

	shown  int           // the cells of the line on the screen; 0 means none
	state  sftp.Progress // of the transfer in progress, if active is set
	active bool
	moved  time.Time // when something moved last
	name   string    // the last file with a name
}

// update returns the line for a new state. The last line of a transfer stays.
func (m *meter) update(p sftp.Progress) string {
	if now := m.now(); !m.active || p.Done != m.state.Done || p.Files != m.state.Files || p.Skipped != m.state.Skipped {
		m.moved = now
	}
	m.state, m.active = p, true
	if p.Name != "" {
		m.name = p.Name
	}
	if !p.Final {
		return m.again()
	}
	drawn := m.shown > 0
	line := m.again()
	m.shown, m.active = 0, false
	if !drawn && p.Files+p.Skipped+p.Links == 0 {
		return "" // nothing was begun
	}
	return line + "\n"
}

// again returns the line of the transfer in progress.
func (m *meter) again() string {
	if !m.active {
		return ""
	}
	width := m.width() - 1 // terminals differ in the last column
	line := progressLine(m.name, m.state, width, m.now().Sub(m.moved) >= stallTime)
	m.shown = insults.Cells(line)
	return "\r" + line + strings.Repeat(" ", max(width-m.shown, 0))
}

// hide returns the text that erases the line on a terminal of that width.
func (m *meter) hide(width int) string {
	if m.shown == 0 {
		return ""
	}
	rows := (m.shown - 1) / max(width, 1) // more than 0 if the terminal has become narrow
	m.shown = 0
	up := ""
	if rows > 0 {
		up = "\x1b[" + strconv.Itoa(rows) + "A"
	}
	return up + "\r\x1b[J"
}

// done returns the end of a line that is not the last one of its transfer.
func (m *meter) done() string {
	m.active = false
	if m.shown == 0 {
		return ""
	}
	m.shown = 0
	return "\n"
}

// minName is the smallest width of a name, in cells.
const minName = 12

// progressLine returns a line of at most width cells.
func progressLine(name string, p sftp.Progress, width int, stalled bool) string {
	rate, left := p.Rate, "    --:-- ETA"
	switch seconds := p.Elapsed.Seconds(); {
	case p.Final:
		if rate = 0; seconds > 0 {
			rate = float64(p.Bytes) / seconds
		}
		left = fmt.Sprintf("%9s    ", clock(p.Elapsed))
	case stalled:
		left = "  - stalled -"
	case rate > 0:
		left = fmt.Sprintf("%9s ETA", clock(timeLeft(p, rate)))
	}
	percent := fmt.Sprintf(" %3d%%", percentage(p))
	amount := fmt.Sprintf(" %8s", size(float64(p.Done)))
	speed := fmt.Sprintf(" %8s/s", size(rate))
	count := ""
	if p.TotalFiles > 1 {
		count = fmt.Sprintf(" %d/%d", p.Files+p.Skipped, p.TotalFiles)
	} else {
		name = path.Base(name)
	}
	for _, right := range []string{count + percent + amount + speed + left, count + percent + speed + left, percent + left, percent} {
		if room := width - len(right); room >= minName {
			return fit(name, room) + strings.TrimRight(right, " ")
		}
	}
	return fit(strings.TrimSpace(percent), max(width, 0))
}

func percentage(p sftp.Progress) int64 {
	switch {
	case p.Total <= 0 && p.Final:
		return 100
	case p.Total <= 0:
		return 0
	}
	return min(int64(float64(p.Done)*100/float64(p.Total)), 100)
}

// maxLeft is the longest time that is shown.
const maxLeft = 100*time.Hour - time.Second

func timeLeft(p sftp.Progress, rate float64) time.Duration {
	seconds := float64(max(p.Total-p.Done, 0)) / rate
	if seconds >= maxLeft.Seconds() {
		return maxLeft
	}
	return time.Duration(seconds * float64(time.Second))
}

// clock returns a time as mm:ss or h:mm:ss.
func clock(d time.Duration) string {
	seconds := int(min(max(d, 0), maxLeft).Seconds())
	if h := seconds / 3600; h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// size returns a number of bytes with its unit: a power of 1024.
func size(n float64) string {
	if n < 1024 {
		return fmt.Sprintf("%dB", int(max(n, 0)))
	}
	unit := 0
	const units = "kMGTP"
	for n /= 1024; n >= 1023.95 && unit < len(units)-1; n /= 1024 {
		unit++
	}
	return fmt.Sprintf("%.1f%cB", n, units[unit])
}

// fit returns a name in exactly that many cells. A longer name loses its middle.
func fit(name string, cells int) string {
	name = text.Path(name)
	if n := insults.Cells(name); n <= cells {
		return name + strings.Repeat(" ", cells-n)
	}
	const gap = "..."
	if cells <= len(gap) {
		return gap[:max(cells, 0)]
	}
	clusters := insults.Clusters(name)
	room := cells - len(gap)
	head, tail := "", ""
	for i := 0; i < len(clusters); i++ {
		if insults.Cells(head)+insults.ClusterCells(clusters[i]) > room/2 {
			break
		}
		head += clusters[i]
	}
	room -= insults.Cells(head)
	for i := len(clusters) - 1; i >= 0; i-- {
		if insults.Cells(tail)+insults.ClusterCells(clusters[i]) > room {
			break
		}
		tail = clusters[i] + tail
	}
	short := head + gap + tail
	return short + strings.Repeat(" ", cells-insults.Cells(short))
}
