package sftp_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/internal/sshtest"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// sizes are file sizes around 32 KiB and 255 KiB, the sizes of chunks, a file
// of several chunks, and a file that is striped.
var sizes = []int{0, 1, 32767, 32768, 32769, 261119, 261120, 261121, 700001, 9437187}

// striped is the size of a striped file. It is tested with a few modes only.
const striped = 9437187

// cellPatience is the time limit for a cell. Only a cell that hangs reaches it.
const cellPatience = 20 * time.Second

// TestMatrix runs each operation with each server. The long form tests all
// options and sizes, the short form a sample. An operation must succeed with
// the right content, unless the table of servers expects a failure.
func TestMatrix(t *testing.T) {
	reactortest.CheckGoroutines(t)
	m := &matrix{cells: make(map[string]map[string]string)}
	t.Run("servers", func(t *testing.T) {
		for i := range rows {
			t.Run(rows[i].name, func(t *testing.T) {
				t.Parallel()
				m.row(t, i)
			})
		}
	})
	t.Logf("operations and servers:\n%s", m.markdown())
}

// long reports whether the long form runs. The race detector always runs the
// short form.
var long = os.Getenv("HAWSER_LONG") != "" && !sshtest.RaceDetector

// matrix records the results.
type matrix struct {
	mu    sync.Mutex
	cells map[string]map[string]string // for each server and group: "wrong" or the error; empty: success
}

// row tests one server.
func (m *matrix) row(t *testing.T, i int) {
	r := reactortest.Start(t, reactor.Options{})
	s := oddserver.New(rows[i].odd)
	p := connectOdd(t, r, s, rows[i].version)
	defer func() { p.close() }()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(uint64(i), 1))
	failed, hung := 0, 0
	for _, op := range operations {
		combinations := combine(op)
		if !long {
			combinations = sample(op, combinations, random, i%4 == 0)
		}
		for n, x := range combinations {
			if hung == 3 { // more cells that hang would take too long
				return
			}
			name := fmt.Sprintf("%s/%s/%d", op.name, x.mode.name, x.size)
			if p.lost() {
				p.close()
				p = connectOdd(t, r, s, rows[i].version)
			}
			bad := m.judge(&rows[i], op, name, p.try(t, dir, &rows[i], op, x, n))
			if strings.HasPrefix(bad, "hung") {
				hung++
			}
			if failed++; bad != "" && failed < 20 {
				t.Errorf("%s: %s", name, bad)
			} else if bad == "" {
				failed--
			}
		}
	}
}

// combination is a mode and a size.
type combination struct {
	mode mode
	size int // -1 if the operation has no size
}

func combine(op operation) (all []combination) {
	with := []mode{{}}
	if op.modes {
		with = modes
	}
	for _, mode := range with {
		if !op.sized {
			all = append(all, combination{mode, -1})
			continue
		}
		for _, size := range sizes {
			if size != striped || slices.Contains([]string{"", "plain", "atomic", "resume"}, mode.name) {
				all = append(all, combination{mode, size})
			}
		}
	}
	return all
}

// sample returns one of the combinations. If stripes is true, it includes a
// striped file for Put and Get.
func sample(op operation, all []combination, random *rand.Rand, stripes bool) (some []combination) {
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if i := slices.IndexFunc(all, func(x combination) bool { return x.size == striped }); stripes && i >= 0 && (op.name == "Put" || op.name == "Get") {
		some = append(some, all[i])
	}
	all = slices.DeleteFunc(all, func(x combination) bool { return x.size == striped })
	return append(some, all[:min(1, len(all))]...)
}

// result is the result of a cell.
type result struct {
	err   error
	wrong string
	hung  bool
}

// try runs a cell.
func (p *oddPeer) try(t *testing.T, dir string, r *row, op operation, x combination, n int) result {
	local, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(local)
	ctx, cancel := context.WithTimeout(t.Context(), cellPatience)
	defer cancel()
	p.s.RemoveAll("/")
	p.s.ClearLog()
	p.s.Mkdir("/w")
	p.s.Set(r.odd) // resets the counters too
	size := max(x.size, 0)
	c := &cell{oddPeer: p, ctx: ctx, odd: r.odd, mode: x.mode, data: content(size, n+1), old: content(size+1000, n+2), mtime: sourceTime, local: local}
	wrong, err := op.run(c)
	if left := p.settled(ctx); left != nil && wrong == "" {
		wrong = left.Error()
	}
	hung := ctx.Err() != nil
	if hung {
		p.onLoop(p.client.LoseConnection)
	}
	return result{err, wrong, hung}
}

// judge compares a result with the expected outcome, and records it. It returns
// a description of the difference, or "".
func (m *matrix) judge(r *row, op operation, name string, got result) (bad string) {
	want := r.expected(name)
	switch {
	case got.hung:
		bad = fmt.Sprintf("hung: %v", got.err)
	case got.wrong != "":
		bad = fmt.Sprintf("%s (error: %v)", got.wrong, got.err)
	case got.err != nil && want.want == succeeds:
		bad = strings.ReplaceAll(got.err.Error(), os.TempDir(), "TMP")
	case got.err == nil && want.want == fails:
		bad = "no error, although " + want.why
	case want.want == fails && want.is != nil && !errors.Is(got.err, want.is):
		bad = fmt.Sprintf("the error is not %q: %v", want.is, got.err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cells[r.name] == nil {
		m.cells[r.name] = make(map[string]string)
	}
	switch {
	case bad != "":
		m.cells[r.name][op.group] = "wrong"
	case got.err != nil && want.why != "" && !slices.Contains(everywhere, want) && !slices.Contains(always, want) && m.cells[r.name][op.group] != "wrong":
		m.cells[r.name][op.group] = "error: " + want.why
	}
	return bad
}

// markdown returns the table of docs/interop.md. The notes below the table are
// the reasons of errors.
func (m *matrix) markdown() string {
	groups := []string{uploads, downloads, trees, writing, reading, naming}
	var table strings.Builder
	notes := make(map[string]int)
	fmt.Fprintf(&table, "| server | %s |\n|---%s|\n", strings.Join(groups, " | "), strings.Repeat("|---", len(groups)))
	for _, r := range rows {
		fmt.Fprintf(&table, "| %s |", r.name)
		for _, group := range groups {
			text := m.cells[r.name][group]
			if why, ok := strings.CutPrefix(text, "error: "); ok {
				if notes[why] == 0 {
					notes[why] = len(notes) + 1
				}
				text = fmt.Sprintf("see %d", notes[why])
			} else if text == "" {
				text = "right"
			}
			fmt.Fprintf(&table, " %s |", text)
		}
		table.WriteString("\n")
	}
	for _, why := range slices.SortedFunc(maps.Keys(notes), func(a, b string) int { return notes[a] - notes[b] }) {
		fmt.Fprintf(&table, "\n%d. Some operations fail: %s.", notes[why], why)
	}
	return table.String()
}
