package sftp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-go/hawser/conch"
	"github.com/hawser-go/hawser/conch/internal/oddserver"
	"github.com/hawser-go/hawser/conch/sftp"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/reactortest"
)

// killCase is a transfer whose connection is lost.
type killCase struct {
	op   string // name of an operation
	mode mode
	size int
}

func (k killCase) String() string { return fmt.Sprintf("%s,%s,%d", k.op, k.mode.name, k.size) }

// resuming is the mode of the second attempt.
var resuming = mode{"again", sftp.Options{Resume: true}, false}

var killModes = []mode{
	{"plain", sftp.Options{}, false},
	{"atomic", sftp.Options{Atomic: true}, true},
	{"resume", sftp.Options{Resume: true}, true},
}

// killCases returns uploads and downloads of single files and of trees. The
// largest file is striped.
func killCases() (cases []killCase) {
	for _, mode := range killModes {
		for _, op := range []string{"Put", "Get"} {
			for _, size := range []int{0, 5, 700_001, 6<<20 + 3} {
				cases = append(cases, killCase{op, mode, size})
			}
		}
		for _, op := range []string{"PutTree", "GetTree"} {
			cases = append(cases, killCase{op, mode, 3})
		}
	}
	return cases
}

var errHung = errors.New("hung")

// run makes one attempt in a new session.
func (k killCase) run(t *testing.T, r *reactor.Reactor, c *cell, mode mode, odd oddserver.Oddities) (wrong string, err error) {
	t.Helper()
	c.s.Set(odd)
	c.s.ClearLog()
	ctx, cancel := context.WithTimeoutCause(t.Context(), cellPatience, errHung)
	defer cancel()
	c.ctx, c.cancel, c.mode = ctx, cancel, mode
	c.oddPeer = connectOdd(t, r, c.s, openSSHVersion)
	defer c.oddPeer.close()
	op := operations[slices.IndexFunc(operations, func(op operation) bool { return op.name == k.op })]
	if wrong, err = op.run(c); context.Cause(ctx) == errHung {
		wrong = "hung"
	}
	return wrong, err
}

// start returns a cell with a new server and an empty local directory.
func (k killCase) start(t *testing.T, dir string) *cell {
	t.Helper()
	local, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	c := &cell{data: content(k.size, 1), old: content(k.size+1000, 2), mtime: sourceTime, local: local}
	c.oddPeer = &oddPeer{s: oddserver.New(oddserver.Oddities{})}
	c.s.Mkdir("/w")
	return c
}

// requests returns the number of requests of a transfer that succeeds.
func (k killCase) requests(t *testing.T, r *reactor.Reactor, dir string) int {
	c := k.start(t, dir)
	defer os.RemoveAll(c.local)
	if wrong, err := k.run(t, r, c, k.mode, oddserver.Oddities{}); err != nil || wrong != "" {
		t.Fatalf("without a loss: %v, %s", err, wrong)
	}
	return len(c.s.Log())
}

// stride is the distance between the requests at which connections are lost.
func stride(n int) int {
	if long {
		return 1
	}
	return max(1, n/3)
}

// eachKill calls f for requests of each case. The connection is lost at that
// request. In every second test run the server executes the request first. f
// returns a description of the error, or "".
func eachKill(t *testing.T, cases []killCase, f func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string) {
	reactortest.CheckGoroutines(t)
	parts := 1 // of a case, which run at the same time
	if long {
		parts = 4
	}
	t.Run("cases", func(t *testing.T) {
		for i, k := range cases {
			if !long && len(cases) > 10 && (i+len(t.Name()))%2 == 0 {
				continue // skipped here, but not in other tests
			}
			parity := len(t.Name()) + len(k.String())
			for part := range parts {
				t.Run(fmt.Sprint(k, "/", part), func(t *testing.T) {
					t.Parallel()
					r := reactortest.Start(t, reactor.Options{})
					dir := t.TempDir()
					n := k.requests(t, r, dir)
					step := stride(n)
					for at := 1 + i%step + part*step; at <= n; at += parts * step {
						kill := oddserver.Oddities{DieAt: at, DieAfter: (at+parity)%2 == 0}
						c := k.start(t, dir)
						if wrong := f(t, r, k, c, kill); wrong != "" {
							t.Errorf("lost at request %d of %d, carried out: %v: %s\n%s", at, n, kill.DieAfter, wrong, requestLog(c.s))
						}
						if err := os.RemoveAll(c.local); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	})
}

// requestLog returns the last requests that the server received.
func requestLog(s *oddserver.Server) string {
	var lines strings.Builder
	log := s.Log()
	for _, r := range log[max(0, len(log)-12):] {
		fmt.Fprintln(&lines, "\t", r)
	}
	return lines.String()
}

// partSize returns the size of the target's partial file, or 0 if there is
// none.
func (c *cell) partSize(up bool) (size int64) {
	if up {
		for _, name := range c.s.Paths("/w") {
			if info, _ := c.s.Lstat(path.Join("/w", name)); isPart(name) {
				size = max(size, int64(len(info.Data)))
			}
		}
		return size
	}
	for _, name := range localNames(c.local) {
		if info, err := os.Stat(filepath.Join(c.local, name)); err == nil && isPart(name) {
			size = max(size, info.Size())
		}
	}
	return size
}

// spread returns the greatest distance between two chunks of an upload in
// flight.
func spread(size int) int64 { return min(max(int64(size)/4, 1<<20), 32<<20) }

// firstOffset returns the lowest offset of the requests of type kind.
func firstOffset(s *oddserver.Server, kind byte) int64 {
	first := int64(1) << 62
	for _, r := range s.Log() {
		if r.Type == kind && r.Len > 0 {
			first = min(first, int64(r.Offset))
		}
	}
	return first
}

// TestF3_Kill: if the connection is lost at any request, the target is never
// wrong. The next attempt, with Resume, completes the target and resumes a
// partial file.
func TestF3_Kill(t *testing.T) {
	eachKill(t, killCases(), func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		if wrong, _ := k.run(t, r, c, k.mode, kill); wrong != "" { // the transfer may succeed in spite of a loss at the last request
			return "first attempt: " + wrong
		}
		up := strings.HasPrefix(k.op, "Put")
		part := c.partSize(up)
		wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{})
		if err != nil || wrong != "" {
			return fmt.Sprintf("second attempt: %v, %s", err, wrong)
		}
		switch resumed := k.mode.o.Resume && part > 0 && k.size > 10; {
		case resumed && up && firstOffset(c.s, oddserver.WRITE) < part-spread(k.size):
			return fmt.Sprintf("the upload continues at %d, although %d bytes are there", firstOffset(c.s, oddserver.WRITE), part)
		case resumed && !up && firstOffset(c.s, oddserver.READ) < part:
			return fmt.Sprintf("the download continues at %d, although %d bytes are there", firstOffset(c.s, oddserver.READ), part)
		}
		return ""
	})
}

// TestKillContinue: if the connection is lost at any request of a transfer in
// place, the next attempt with Continue completes the target.
func TestKillContinue(t *testing.T) {
	continuing := mode{"continue", sftp.Options{Continue: true}, false}
	var cases []killCase
	for _, k := range killCases() {
		if k.mode.name == "plain" {
			cases = append(cases, k, killCase{k.op, continuing, k.size})
		}
	}
	eachKill(t, cases, func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		if wrong, _ := k.run(t, r, c, k.mode, kill); wrong != "" {
			return "first attempt: " + wrong
		}
		if wrong, _ := k.run(t, r, c, continuing, kill); wrong != "" {
			return "second attempt: " + wrong
		}
		if wrong, err := k.run(t, r, c, continuing, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("third attempt: %v, %s", err, wrong)
		}
		return ""
	})
}

// TestF3_KillTreesSkip: complete files of a tree are not transferred again.
func TestF3_KillTreesSkip(t *testing.T) {
	var cases []killCase
	for _, k := range killCases() {
		if strings.HasSuffix(k.op, "Tree") && k.mode.o.Resume {
			cases = append(cases, k)
		}
	}
	eachKill(t, cases, func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		if wrong, _ := k.run(t, r, c, k.mode, kill); wrong != "" {
			return wrong
		}
		var whole []string
		for name := range treeFiles {
			info, ok := c.s.Lstat(path.Join("/w/target", name))
			if k.op == "GetTree" {
				data, err := os.ReadFile(filepath.Join(c.local, "target", filepath.FromSlash(name)))
				info.Data, ok = data, err == nil
			}
			if ok && len(info.Data) > 0 && differs(info.Data, c.treeFile(name)) == "" { // a size of 0 may mean that the size is unknown
				whole = append(whole, path.Base(name))
			}
		}
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprint("second attempt: ", err, wrong)
		}
		for _, request := range c.s.Log() {
			name := strings.TrimPrefix(path.Base(request.Path), ".")
			name, _, _ = strings.Cut(name, ".")
			if request.Type == oddserver.OPEN && slices.Contains(whole, name) {
				return fmt.Sprintf("%s was whole, but is opened: %v", name, request)
			}
		}
		return ""
	})
}

// TestF3_KillTwice: the connection of the second attempt is lost too.
func TestF3_KillTwice(t *testing.T) {
	eachKill(t, killCases(), func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		wrong, _ := k.run(t, r, c, k.mode, kill)
		if wrong != "" {
			return "first attempt: " + wrong
		}
		kill.DieAt = max(1, kill.DieAt*2/3)
		if wrong, _ = k.run(t, r, c, resuming, kill); wrong != "" {
			return "second attempt: " + wrong
		}
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("third attempt: %v, %s", err, wrong)
		}
		return ""
	})
}

// TestF3_KillSourceChanged: before the second attempt the source changes. It is
// longer, shorter, or has another time and content.
func TestF3_KillSourceChanged(t *testing.T) {
	var cases []killCase
	for _, k := range killCases() {
		if (k.op == "Put" || k.op == "Get") && k.size > 10 {
			cases = append(cases, k)
		}
	}
	eachKill(t, cases, func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		if wrong, _ := k.run(t, r, c, k.mode, kill); wrong != "" {
			return "first attempt: " + wrong
		}
		change := []int{1, -1, 0}[kill.DieAt%3]
		c.data, c.mtime, c.parts = content(k.size+change*70_000, 3), sourceTime.Add(time.Second), true
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("with %+d bytes: %v, %s", change*70_000, err, wrong)
		}
		return ""
	})
}

// TestF3_KillLateWrites: the server executes writes of the lost session during
// or after the next session. The target of the second attempt stays right.
func TestF3_KillLateWrites(t *testing.T) {
	var cases []killCase
	for _, k := range killCases() {
		if k.op == "Put" && k.size > 10 && k.mode.keepsOld() {
			cases = append(cases, k)
		}
	}
	eachKill(t, cases, func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		kill.LateWrites, kill.DieAfter = 8, false
		if wrong, _ := k.run(t, r, c, k.mode, kill); wrong != "" {
			return "first attempt: " + wrong
		}
		if kill.DieAt%2 == 0 { // a partial file of another version is not written to
			c.data, c.mtime, c.parts = content(k.size, 3), sourceTime.Add(time.Second), true
		}
		var seen atomic.Int32
		server := c.s
		odd := oddserver.Oddities{Arrived: func(oddserver.Request) {
			if int(seen.Add(1)) == kill.DieAt/2 {
				server.Release()
			}
		}}
		wrong, err := k.run(t, r, c, resuming, odd)
		c.s.Release()
		info, _ := c.s.Lstat("/w/target")
		if wrong = wrong + differs(info.Data, c.data); err != nil || wrong != "" {
			return fmt.Sprintf("second attempt: %v, %s", err, wrong)
		}
		return ""
	})
}

// TestKillSays: the error of a transfer wraps conch.ErrConnectionLost if the
// connection is lost.
func TestKillSays(t *testing.T) {
	eachKill(t, killCases(), func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		wrong, err := k.run(t, r, c, k.mode, kill)
		if wrong == "" && err != nil && !errors.Is(err, conch.ErrConnectionLost) {
			wrong = fmt.Sprintf("the error is %v", err)
		}
		return wrong
	})
}

// TestF3_CancelAnywhere: the caller cancels while a request is in flight, at a
// server that delays writes. The next attempt completes the target.
func TestF3_CancelAnywhere(t *testing.T) {
	eachKill(t, killCases(), func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		var seen atomic.Int32
		odd := oddserver.Oddities{WriteDelay: time.Millisecond, Workers: 4, Arrived: func(oddserver.Request) {
			if int(seen.Add(1)) == kill.DieAt {
				c.cancel()
			}
		}}
		if wrong, err := k.run(t, r, c, k.mode, odd); wrong != "" || err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, deferred.ErrCancelled) {
			return fmt.Sprintf("first attempt: %v, %s", err, wrong)
		}
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("second attempt: %v, %s", err, wrong)
		}
		return ""
	})
}

// TestCancelIsNotLost: a transfer is cancelled before the server answers a
// request. It fails as cancelled, unless only cleaning up is left.
func TestCancelIsNotLost(t *testing.T) {
	reactortest.CheckGoroutines(t)
	r := reactortest.Start(t, reactor.Options{})
	for name, tt := range map[string]struct {
		odd oddserver.Oddities
		o   sftp.Options
	}{
		"in place":                {oddserver.Oddities{}, sftp.Options{Sync: true, Preserve: true}},
		"RENAME does not replace": {oddserver.Oddities{Without: []string{oddserver.PosixRename}}, sftp.Options{Atomic: true}},
		"permissions refused":     {oddserver.Oddities{PermsCode: oddserver.Denied}, sftp.Options{Atomic: true}},
		"no types":                {oddserver.Oddities{NoTypeBits: true}, sftp.Options{Atomic: true}},
		"check-file":              {oddserver.Oddities{CheckFile: true}, sftp.Options{Resume: true, Verify: true}},
		"content compared":        {oddserver.Oddities{}, sftp.Options{Resume: true, Verify: true, RemoveStale: true}},
		"continued":               {oddserver.Oddities{}, sftp.Options{Continue: true}},
	} {
		for _, op := range []string{"Put", "Get"} {
			t.Run(op+", "+name, func(t *testing.T) {
				for n := 1; ; n++ {
					if tt.o.Sync = tt.o.Sync && op == "Put"; !cancelAt(t, r, tt.odd, tt.o, op, n) {
						break
					}
				}
			})
		}
	}
}

// cancelAt cancels a transfer at its n-th request, and reports whether it has so
// many.
func cancelAt(t *testing.T, r *reactor.Reactor, odd oddserver.Oddities, o sftp.Options, op string, n int) bool {
	data, local := content(1000, 1), filepath.Join(t.TempDir(), "file")
	s := oddserver.New(odd)
	s.Mkdir("/w")
	here, there := data, data[:500]
	if op == "Get" {
		here, there = there, here
	}
	s.WriteFile("/w/file", there, sourceTime)
	if err := writeAged(local, here, sourceTime.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	p := connectOdd(t, r, s, openSSHVersion)
	defer p.close()
	if _, err := p.RealPath(t.Context(), "."); err != nil { // the session has begun
		t.Fatal(err)
	}
	var d deferred.Deferred[sftp.Report]
	var seen atomic.Int32
	odd.Arrived = func(oddserver.Request) {
		if int(seen.Add(1)) == n {
			p.onLoop(func() { d.Cancel() })
		}
	}
	s.Set(odd)
	s.ClearLog()
	p.onLoop(func() {
		if op == "Put" {
			d = p.client.Put(local, "/w/file", o)
		} else {
			d = p.client.Get("/w/file", local, o)
		}
	})
	ctx, cancel := context.WithTimeoutCause(t.Context(), cellPatience, errHung)
	defer cancel()
	_, err := reactor.Await(ctx, r, func() deferred.Deferred[sftp.Report] { return d })
	p.close()
	log := s.Log()
	if len(log) < n {
		if err != nil {
			t.Errorf("without a cancellation: %v", err)
		}
		return false
	}
	cleansUp := func(request oddserver.Request) bool {
		return request.Type == oddserver.CLOSE || request.Type == oddserver.REMOVE
	}
	for i, request := range log[n:] {
		if err == nil && !cleansUp(request) {
			t.Errorf("cancelled at request %d, %v, but %v follows as request %d, and no error", n, log[n-1], request, n+1+i)
		}
	}
	if err != nil && !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("cancelled at request %d, %v: %v", n, log[n-1], err)
	}
	return true
}

// TestF10_EOFAnywhere: the server sends EOF but does not close the channel. The
// transfer does not hang.
func TestF10_EOFAnywhere(t *testing.T) {
	eachKill(t, killCases(), func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		ended := oddserver.Oddities{HalfCloseAt: kill.DieAt}
		if wrong, _ := k.run(t, r, c, k.mode, ended); wrong != "" {
			return "first attempt: " + wrong
		}
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("second attempt: %v, %s", err, wrong)
		}
		return ""
	})
}

// TestMuteAnywhere: the server stops answering, and the caller cancels. The
// call returns soon.
func TestMuteAnywhere(t *testing.T) {
	cases := []killCase{{"Put", killModes[2], 700_001}, {"Get", killModes[2], 700_001}, {"PutTree", killModes[2], 3}, {"GetTree", killModes[2], 3}}
	eachKill(t, cases, func(t *testing.T, r *reactor.Reactor, k killCase, c *cell, kill oddserver.Oddities) string {
		var seen atomic.Int32
		mute := oddserver.Oddities{MuteAt: kill.DieAt, Arrived: func(oddserver.Request) {
			if int(seen.Add(1)) == kill.DieAt {
				c.cancel()
			}
		}}
		// A download does not wait for the reply to CLOSE, so it may succeed.
		if wrong, err := k.run(t, r, c, k.mode, mute); wrong != "" {
			return fmt.Sprintf("first attempt: %v, %s", err, wrong)
		}
		if wrong, err := k.run(t, r, c, resuming, oddserver.Oddities{}); err != nil || wrong != "" {
			return fmt.Sprintf("second attempt: %v, %s", err, wrong)
		}
		return ""
	})
}
