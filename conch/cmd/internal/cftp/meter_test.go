package cftp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/sftp"
)

// at returns the progress of one file.
func at(done, total int64, rate float64) sftp.Progress {
	p := sftp.Progress{Total: total, Done: done, TotalFiles: 1, Rate: rate, Name: "dir/name"}
	p.Bytes = done
	return p
}

func final(p sftp.Progress, after time.Duration) sftp.Progress {
	p.Final, p.Files, p.Elapsed = true, 1, after
	return p
}

func TestC_SCRIPTS_7_Line(t *testing.T) {
	tree := at(3<<20, 4<<20, 1<<20)
	tree.TotalFiles, tree.Files, tree.Skipped = 12, 2, 1
	for _, row := range []struct {
		p       sftp.Progress
		width   int
		stalled bool
		want    string
	}{
		{at(0, 1000, 0), 60, false, "name                     0%       0B       0B/s    --:-- ETA"},
		{at(512, 1024, 100), 60, false, "name                    50%     512B     100B/s    00:05 ETA"},
		{at(512, 1024, 100), 60, true, "name                    50%     512B     100B/s  - stalled -"},
		{at(1<<30, 8<<30, 1<<20), 60, false, "name                    12%    1.0GB    1.0MB/s  1:59:28 ETA"},
		{at(1, 1<<60, 0.001), 60, false, "name                     0%       1B       0B/s 99:59:59 ETA"},
		{final(at(3<<20, 3<<20, 1), 2*time.Second), 60, false, "name                   100%    3.0MB    1.5MB/s    00:02"},
		{final(at(0, 0, 0), 0), 60, false, "name                   100%       0B       0B/s    00:00"},
		{final(at(5, 10, 0), time.Hour), 60, false, "name                    50%       5B       0B/s  1:00:00"},
		{at(20, 10, 1), 60, false, "name                   100%      20B       1B/s    00:00 ETA"},
		{tree, 60, false, "dir/name          3/12  75%    3.0MB    1.0MB/s    00:01 ETA"},
		{at(512, 1024, 100), 50, false, "name          50%     512B     100B/s    00:05 ETA"},
		{at(512, 1024, 100), 45, false, "name              50%     100B/s    00:05 ETA"},
		{at(512, 1024, 100), 30, false, "name          50%    00:05 ETA"},
		{at(512, 1024, 100), 20, false, "name             50%"},
		{at(512, 1024, 100), 10, false, "50%       "},
		{at(512, 1024, 100), 2, false, ".."},
		{at(512, 1024, 100), -1, false, ""},
	} {
		if got := progressLine(row.p.Name, row.p, row.width, row.stalled); got != row.want {
			t.Errorf("width %d:\n%q, want\n%q", row.width, got, row.want)
		}
	}
}

func TestC_SCRIPTS_7_Sizes(t *testing.T) {
	for n, want := range map[float64]string{
		-1: "0B", 0: "0B", 1023: "1023B", 1024: "1.0kB", 1536: "1.5kB", 1<<20 - 1: "1.0MB", 1 << 20: "1.0MB", 1 << 40: "1.0TB",
		1 << 50: "1.0PB", 1 << 62: "4096.0PB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%v) = %s, want %s", n, got, want)
		}
	}
}

// Names are cut in the middle, between the characters that users see, and take
// just the cells that they get. Control characters are visible.
func TestC_SCRIPTS_7_Names(t *testing.T) {
	for _, row := range []struct {
		name  string
		cells int
		want  string
	}{
		{"short", 8, "short   "}, {"exact", 5, "exact"}, {"something", 8, "so...ing"}, {"日本語日本語", 9, "日...本語"},
		{"日本語日本語", 8, "日...語 "}, {"e\u0301e\u0301e\u0301e\u0301e\u0301", 4, "...e\u0301"}, {"a\x1b[2Jb", 10, `a\x1b[2Jb `},
		{"a\nb", 5, `a\nb `}, {"name", 3, "..."}, {"name", 1, "."}, {"name", 0, ""}, {"", 2, "  "},
	} {
		if got := fit(row.name, row.cells); got != row.want || insults.Cells(got) != row.cells {
			t.Errorf("fit(%q, %d) = %q, want %q", row.name, row.cells, got, row.want)
		}
	}
	for width := range 80 {
		for _, name := range []string{"日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語", strings.Repeat("👩‍👩‍👧", 30), strings.Repeat("x", 300)} {
			if n := insults.Cells(progressLine(name, at(1, 2, 3), width, false)); n > width {
				t.Errorf("%d cells in a width of %d", n, width)
			}
		}
	}
}

// The line is drawn over itself. The last one stays, and output comes instead of
// one that is not the last.
func TestC_SCRIPTS_7_Meter(t *testing.T) {
	now, width := time.Unix(0, 0), 60
	m := meter{now: func() time.Time { return now }, width: func() int { return width }}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	line := func(rest string) string { return fmt.Sprintf("\r%-59s", "name"+rest) }
	expect(m.update(at(1, 2, 1)), line("                   50%       1B       1B/s    00:01 ETA"))
	now = now.Add(stallTime)
	expect(m.update(at(1, 2, 0)), line("                   50%       1B       0B/s  - stalled -"))
	expect(m.hide(60), "\r\x1b[J")
	expect(m.hide(60), "")
	expect(m.again(), line("                   50%       1B       0B/s  - stalled -"))
	expect(m.hide(25), "\x1b[2A\r\x1b[J") // the terminal has wrapped it into three rows
	width = 25
	expect(m.again(), "\rname                 50%")
	expect(m.update(final(at(2, 2, 0), time.Second)), "\rname                100%\n")
	expect(m.again()+m.done()+m.hide(60), "")
	expect(m.update(at(1, 2, 1))[:5], "\rname")
	expect(m.done(), "\n")
	expect(m.again()+m.done(), "")

	nothing := sftp.Progress{Final: true}
	expect(m.update(nothing), "")
	expect(m.again()+m.done(), "")
}
