package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawser-go/hawser/deferred"
)

// continuations are targets that Options.Continue finds.
var continuations = []struct {
	name   string
	target func(source []byte) []byte // nil: there is none
	sent   func(size int) int         // bytes that are transferred
	err    error
}{
	{"no target", nil, func(size int) int { return size }, nil},
	{"empty", func([]byte) []byte { return []byte{} }, func(size int) int { return size }, nil},
	{"beginning", func(s []byte) []byte { return s[:len(s)/3] }, func(size int) int { return size - size/3 }, nil},
	{"all but one byte", func(s []byte) []byte { return s[:len(s)-1] }, func(int) int { return 1 }, nil},
	{"all", func(s []byte) []byte { return s }, func(int) int { return 0 }, nil},
	{"another file", func(s []byte) []byte { return someBytes(len(s)/2, 9) }, func(size int) int { return size }, nil},
	{"another file of the same size", func(s []byte) []byte { return someBytes(len(s), 9) }, func(size int) int { return size }, nil},
	{"one other byte", func(s []byte) []byte {
		s = append([]byte(nil), s[:len(s)/2]...)
		s[len(s)-1]++
		return s
	}, func(size int) int { return size }, nil},
	{"longer", func(s []byte) []byte { return append(append([]byte(nil), s...), 0) }, func(int) int { return 0 }, ErrTargetLonger},
}

// TestContinue: a transfer continues what is the beginning of the source, and
// writes everything else again.
func TestContinue(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		n := 0
		for _, size := range []int{10, chunkSize, 9*chunkSize + 17} {
			source := someBytes(size, 3)
			for _, tt := range continuations {
				for _, up := range []bool{false, true} {
					n++
					from, to := filepath.Join(p.dir, fmt.Sprint("from", n)), filepath.Join(p.local, fmt.Sprint("to", n))
					if up {
						from, to = filepath.Join(p.local, fmt.Sprint("from", n)), filepath.Join(p.dir, fmt.Sprint("to", n))
					}
					write(t, from, source)
					if tt.target != nil {
						write(t, to, tt.target(source))
					}
					transfer := func() (Report, error) {
						if up {
							return p.put(from, filepath.Base(to), Options{Continue: true})
						}
						return p.get(filepath.Base(from), to, Options{Continue: true})
					}
					report, err := transfer()
					if !errors.Is(err, tt.err) || int(report.Bytes) != tt.sent(size) && tt.err == nil {
						t.Errorf("%s, %d bytes, up: %v: %+v, %v", tt.name, size, up, report, err)
					}
					want := source
					if tt.err != nil {
						want = tt.target(source)
					}
					if !bytes.Equal(read(t, to), want) {
						t.Errorf("%s, %d bytes, up: %v: other content", tt.name, size, up)
					}
				}
			}
		}
	})
}

// heldLoop holds the functions for threads back, from the n-th on.
type heldLoop struct {
	loop
	n       int
	held    []func()
	reached chan struct{}
}

func (l *heldLoop) CallInThread(f func()) error {
	if l.n--; l.n >= 0 {
		return l.loop.CallInThread(f)
	}
	if l.held = append(l.held, f); len(l.held) == 1 {
		close(l.reached)
	}
	return nil
}

// release lets the functions run, those that come later too.
func (l *heldLoop) release() {
	l.n = 1000
	for _, f := range l.held {
		_ = l.loop.CallInThread(f) // the test waits for the result
	}
}

// TestCancelledComparison: a transfer that is cancelled while the sum of the
// remote bytes is not complete fails, and does not go on with a wrong sum.
func TestCancelledComparison(t *testing.T) {
	p := pkgSFTP(t)
	source := someBytes(1000, 3)
	to := filepath.Join(p.local, "to")
	write(t, filepath.Join(p.dir, "from"), source)
	write(t, to, source[:500])
	l := &heldLoop{n: 2, reached: make(chan struct{})} // Stat and the local sum
	var d deferred.Deferred[Report]
	onLoop(p, func() {
		l.loop, p.loop = p.loop, l
		d = p.Get("from", to, Options{Continue: true})
	})
	select {
	case <-l.reached:
	case <-time.After(patience):
		t.Fatal("the sum does not begin")
	}
	must(p, func() deferred.Deferred[string] { return p.RealPath(".") }) // the answers to READ were before that
	onLoop(p, func() {
		d.Cancel()
		l.release()
	})
	if report, err := await(p, func() deferred.Deferred[Report] { return d }); !errors.Is(err, deferred.ErrCancelled) {
		t.Errorf("%+v, %v", report, err)
	}
	if !bytes.Equal(read(t, to), source[:500]) {
		t.Error("the target was written")
	}
}

// TestContinueInterrupted: what an interrupted transfer in place leaves is the
// beginning of the source, and is continued.
func TestContinueInterrupted(t *testing.T) {
	const size = 60*chunkSize + 17
	for _, how := range interruptions {
		for _, up := range []bool{false, true} {
			t.Run(fmt.Sprint(how.name, ", up: ", up), func(t *testing.T) {
				p := openSSH(t)
				slow(p)
				content := someBytes(size, 1)
				source, target := filepath.Join(p.dir, "remote"), filepath.Join(p.local, "local")
				begin := func(o Options) deferred.Deferred[Report] { return p.Get("remote", target, o) }
				if up {
					source, target = target, source
					begin = func(o Options) deferred.Deferred[Report] { return p.Put(source, "remote", o) }
				}
				write(t, source, content)
				if err := interrupt(p, how, 10*chunkSize, begin, Options{}); !errors.Is(err, how.want) {
					t.Fatalf("%v", err)
				}
				if how.want != deferred.ErrCancelled {
					p.quit()
					p.again()
				}
				have := read(t, target)
				if len(have) == 0 || len(have) == size || !bytes.Equal(have, content[:len(have)]) {
					t.Fatalf("%d bytes of %d, or others", len(have), size)
				}
				report, err := await(p, func() deferred.Deferred[Report] { return begin(Options{Continue: true}) })
				if err != nil || report.Bytes != int64(size-len(have)) {
					t.Errorf("%+v, %v; want %d bytes", report, err, size-len(have))
				}
				if !bytes.Equal(read(t, target), content) {
					t.Error("other content")
				}
			})
		}
	}
}

// TestContinueUploadWithHoles: what a lost connection has left may have gaps in
// its last part. The upload goes back behind the gaps.
func TestContinueUploadWithHoles(t *testing.T) {
	p := openSSH(t)
	content := someBytes(maxSpread+4<<20, 1)
	source := write(t, filepath.Join(p.local, "source"), content)
	have := append([]byte(nil), content[:len(content)-1<<20]...)
	for i := range 1 << 20 {
		have[8<<20+i] = 0
	}
	write(t, filepath.Join(p.dir, "remote"), have)
	report, err := p.put(source, "remote", Options{Continue: true})
	if want := int64(len(content) - len(have) + maxSpread); err != nil || report.Bytes != want {
		t.Errorf("%+v, %v; want %d bytes", report, err, want)
	}
	if !bytes.Equal(read(t, filepath.Join(p.dir, "remote")), content) {
		t.Error("other content")
	}
}

// TestContinueSourceShrinks: a source that has become shorter does not leave a
// part of the old target behind it.
func TestContinueSourceShrinks(t *testing.T) {
	p := openSSH(t)
	content := someBytes(maxSpread+4<<20, 1)
	source := write(t, filepath.Join(p.local, "source"), content)
	have := append([]byte(nil), content...)
	have[len(have)-1]++
	write(t, filepath.Join(p.dir, "remote"), have)
	short := len(content) - 1<<20
	truncated := false
	slow(p)
	o := Options{Continue: true, Progress: func(now Progress) {
		if !truncated && now.Bytes > 0 {
			truncated = true
			if err := os.Truncate(source, int64(short)); err != nil {
				t.Error(err)
			}
		}
	}}
	p.progressEvery = time.Millisecond / 2
	_, err := p.put(source, "remote", o)
	got := read(t, filepath.Join(p.dir, "remote"))
	if err == nil && !bytes.Equal(got, read(t, source)) && !bytes.Equal(got, content) {
		t.Errorf("%d bytes, the source has %d", len(got), short)
	}
}

// TestContinueChangingSource: a log file may grow while it is downloaded. A
// source that becomes another file fails.
func TestContinueChangingSource(t *testing.T) {
	const size = 40*chunkSize + 5
	for _, grows := range []bool{true, false} {
		t.Run(fmt.Sprint("grows: ", grows), func(t *testing.T) {
			p := openSSH(t)
			slow(p)
			content := someBytes(size, 1)
			remote := write(t, filepath.Join(p.dir, "remote"), content)
			target := write(t, filepath.Join(p.local, "target"), content[:chunkSize])
			changed := false
			p.progressEvery = time.Millisecond / 2
			_, err := p.get("remote", target, Options{Continue: true, Progress: func(now Progress) {
				if changed || now.Bytes == 0 || now.Final {
					return
				}
				changed = true
				f, err := os.OpenFile(remote, os.O_WRONLY|os.O_APPEND, 0)
				if err == nil && grows {
					_, err = f.Write([]byte("more"))
				} else if err == nil {
					err = os.WriteFile(remote, someBytes(size+1, 2), 0o644)
				}
				if err := errors.Join(err, f.Close()); err != nil {
					t.Error(err)
				}
			}})
			if !changed {
				t.Fatal("the transfer was too fast")
			}
			got := read(t, target)
			switch {
			case grows && (err != nil || !bytes.HasPrefix(append(content, "more"...), got) || len(got) < size):
				t.Errorf("%v, %d bytes", err, len(got))
			case !grows && !errors.Is(err, ErrSourceChanged):
				t.Errorf("%v", err)
			}
		})
	}
}

// TestContinueTree: the files of a tree are continued, too.
func TestContinueTree(t *testing.T) {
	forEachPeer(t, func(t *testing.T, p *peer) {
		for _, name := range []string{"a", "d/b", "d/e/c"} {
			content := someBytes(1000, byte(len(name)))
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(p.dir, "tree", name)), 0o755), os.MkdirAll(filepath.Dir(filepath.Join(p.local, "tree", name)), 0o755)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(p.dir, "tree", name), content)
			write(t, filepath.Join(p.local, "tree", name), content[:300])
		}
		report, err := p.get("tree", filepath.Join(p.local, "tree"), Options{Continue: true})
		if err != nil || report.Bytes != 3*700 || report.Files != 3 {
			t.Errorf("%+v, %v", report, err)
		}
		sameTree(t, filepath.Join(p.local, "tree"), filepath.Join(p.dir, "tree"))
		report, err = p.put(filepath.Join(p.local, "tree"), "tree", Options{Continue: true})
		if err != nil || report.Bytes != 0 {
			t.Errorf("back: %+v, %v", report, err)
		}
	})
}

func TestContinueOptions(t *testing.T) {
	p := openSSH(t)
	for _, o := range []Options{{Resume: true}, {Atomic: true}, {Exclusive: true}} {
		o.Continue = true
		if _, err := p.get("x", "y", o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := await(p, func() deferred.Deferred[Report] { return p.PutFrom(bytes.NewReader(nil), "x", Options{Continue: true}) }); !errors.Is(err, ErrOptions) {
		t.Errorf("PutFrom: %v", err)
	}
}
