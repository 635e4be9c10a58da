// Command sftp-resume downloads a file over an unreliable connection. It shows
// how to resume a transfer.
//
//	go run ./examples/sftp-resume
//	go run ./examples/sftp-resume -host HOST [-user USER] [-attempts N] REMOTE LOCAL
//
// When the connection is lost, the program connects again and resumes, up to N
// attempts in all. Partial data is kept, so the same command resumes later.
// Without -host, the server inside the process drops the connection once.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hawser-go/hawser/conch/sftp"

	"github.com/hawser-go/hawser/conch/conchtest"
	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/examples/internal/sftpdemo"
	"github.com/hawser-go/hawser/reactor/task"
)

const demoSize = 128 << 20 // bytes

func main() { sftpdemo.Main(program()) }

func program() sftpdemo.Program {
	attempts := 5
	return sftpdemo.Program{
		Name: "sftp-resume", Args: "REMOTE LOCAL", Min: 2, Max: 2,
		Flags: func(f *flag.FlagSet) { f.IntVar(&attempts, "attempts", attempts, "how often to try") },
		Demo: func(server, local string) ([]string, error) {
			return []string{"film", filepath.Join(local, "film")}, sftpdemo.WriteRandom(filepath.Join(server, "film"), demoSize)
		},
		Job: func(e *sftpdemo.Env, s *sftp.Client) deferred.Deferred[struct{}] {
			d := &download{e: e, remote: e.Args[0], local: e.Args[1], attempts: attempts}
			if e.Server != nil {
				d.cutOnce(e.Server, demoSize)
			}
			return d.run(s)
		},
	}
}

// download is a download that may need several connections.
type download struct {
	e             *sftpdemo.Env
	remote, local string
	attempts      int
	something     bool // data was received
}

func (d *download) run(s *sftp.Client) deferred.Deferred[struct{}] {
	return deferred.Inline(func(co *deferred.Coro) (struct{}, error) {
		wait := 100 * time.Millisecond
		for attempt := 1; ; attempt++ {
			report, err := deferred.Await(co, d.get(s))
			switch {
			case err == nil && report.Bytes == 0:
				d.say("nothing was missing")
				return struct{}{}, nil
			case err == nil:
				d.say("complete; %s came over this connection", sftpdemo.Size(report.Bytes))
				return struct{}{}, nil
			case !sftpdemo.Lost(err) || attempt == d.attempts:
				return struct{}{}, sftpdemo.Kept(err, d.something, "the same command")
			}
			d.say("attempt %d: %s", attempt, sftpdemo.Line(err))
			if s, err = deferred.Await(co, task.DeferLaterDeferred(d.e.R, wait, d.e.Connect)); err != nil {
				return struct{}{}, err
			}
			wait = min(2*wait, time.Minute)
		}
	})
}

// get downloads the missing part of the file. The first call downloads all of
// it.
func (d *download) get(s *sftp.Client) deferred.Deferred[sftp.Report] {
	began := false
	meter := sftpdemo.Meter(d.e.Out)
	return s.Get(d.remote, d.local, sftp.Options{Resume: true, Preserve: true, StallTimeout: time.Minute,
		Progress: func(p sftp.Progress) {
			if there := p.Done - p.Bytes; !began && 0 < there && there < p.Total {
				d.say("going on at %s of %s", sftpdemo.Size(there), sftpdemo.Size(p.Total))
			}
			began, d.something = true, d.something || p.Bytes > 0
			meter(p)
		}})
}

func (d *download) say(format string, args ...any) { fmt.Fprintf(d.e.Out, format+"\n", args...) }

// cutOnce closes the server's connections once, after a third of the file has
// arrived.
func (d *download) cutOnce(s *conchtest.Server, size int64) {
	var look func()
	look = func() {
		parts, _ := filepath.Glob(filepath.Join(filepath.Dir(d.local), ".*.part")) // the pattern is well formed
		for _, part := range parts {
			if info, err := os.Stat(part); err == nil && info.Size() > size/3 {
				s.CloseConnections()
				return
			}
		}
		if _, err := os.Stat(d.local); err != nil { // the download is not complete
			d.e.R.CallLater(time.Millisecond, look)
		}
	}
	look()
}
