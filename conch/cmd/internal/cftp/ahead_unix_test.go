//go:build unix

package cftp

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-go/hawser/conch/internal/sftptest"
)

// gate is the output of a server that is held back until enough requests have
// arrived at the server.
type gate struct {
	io.Reader
	mu   sync.Mutex
	more *sync.Cond
	need int // requests that must arrive before the next output
}

// gated adds a gate to a server. Requests are counted as writes of the client,
// each of which has one request or more.
func gated(start sftptest.Start) (sftptest.Start, *gate) {
	g := new(gate)
	g.more = sync.NewCond(&g.mu)
	return func(t testing.TB, dir string) (sftptest.Server, error) {
		s, err := start(t, dir)
		g.Reader = s.Out
		s.In, s.Out = counter{s.In, g}, g
		return s, err
	}, g
}

// hold holds back what the server sends until n more requests have arrived.
func (g *gate) hold(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.need = n
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.need > 0 && err == nil {
		g.more.Wait()
	}
	return n, err
}

// counter counts the requests to a server, by the length that each begins with.
type counter struct {
	io.WriteCloser
	g *gate
}

func (c counter) Write(p []byte) (int, error) {
	requests := 0
	for rest := p; len(rest) >= 4; requests++ {
		n := 4 + int(rest[0])<<24 + int(rest[1])<<16 + int(rest[2])<<8 + int(rest[3])
		rest = rest[min(n, len(rest)):]
	}
	c.g.mu.Lock()
	c.g.need -= requests
	c.g.more.Broadcast()
	c.g.mu.Unlock()
	return c.WriteCloser.Write(p)
}

func (c counter) Close() error {
	c.g.hold(0)
	c.g.more.Broadcast()
	return c.WriteCloser.Close()
}

// TestBatchRunsAhead: commands that read are in flight together. The server
// answers only when it has the requests of many commands, so a batch that waits
// for each answer would never end. The output has the order of the batch.
func TestBatchRunsAhead(t *testing.T) {
	for _, command := range []string{"ls -1 f%d", "ls -l f%d", "get f%d", "df f%d", "-ls f%d"} {
		t.Run(command, func(t *testing.T) {
			start, g := gated(peers["OpenSSH"])
			f := newFixture(t, start)
			var lines []string
			for i := range 3 * maxAhead {
				makeFiles(t, f.server, fmt.Sprintf("f%d=%d", i, i))
				lines = append(lines, fmt.Sprintf(command, i))
			}
			g.hold(maxAhead)
			got, err := f.batch(true, lines...)
			if err != nil {
				t.Fatalf("%v: %s", err, got)
			}
			var echo []string
			for line := range strings.Lines(got) {
				if rest, ok := strings.CutPrefix(line, Prompt); ok {
					echo = append(echo, strings.TrimSuffix(rest, "\n"))
				}
			}
			if strings.Join(echo, "|") != strings.Join(lines, "|") {
				t.Errorf("the order is %q", echo)
			}
			for i := range 3 * maxAhead {
				if strings.HasPrefix(command, "get") && content(t, f.dir, fmt.Sprint("f", i)) != fmt.Sprint(i) {
					t.Errorf("f%d is %q", i, content(t, f.dir, fmt.Sprint("f", i)))
				}
			}
		})
	}
}

// TestTableForBatches: commands that run ahead only read, and all commands with
// arguments say what the arguments are.
func TestTableForBatches(t *testing.T) {
	reading := map[string]bool{"df": true, "help": true, "lpwd": true, "ls": true, "pwd": true, "version": true}
	for _, c := range commands {
		if c.reads != reading[c.name] {
			t.Errorf("%s reads: %v", c.name, c.reads)
		}
		if (c.fetch != nil) != (c.name == "get") {
			t.Errorf("%s fetches: %v", c.name, c.fetch != nil)
		}
		if (c.max != 0 || c.rest) && c.places == "" {
			t.Errorf("%s does not say what its arguments are", c.name)
		}
	}
}
