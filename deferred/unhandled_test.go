package deferred_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"runtime"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/deferred/deferredtest"
)

// waitCollected forces collections until a cleanup has closed the channel.
func waitCollected(t *testing.T, collected chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-collected:
			return
		case <-time.After(time.Millisecond):
		}
	}
	t.Error("not collected")
}

// TestUnhandledReports runs each case in a function of its own, so that its
// Deferreds are unreachable afterwards.
func TestUnhandledReports(t *testing.T) {
	boom := func() deferred.Deferred[any] { return deferred.Fail[any](errBoom) }
	for _, row := range []struct {
		name string
		run  func()
		want int
	}{
		{"D122 D126 dropped", func() { boom() }, 1},
		{"D122 failed later", func() { d := deferred.New[any](); d.Errback(errBoom) }, 1},
		{"D122 last callback failed", func() { deferred.Succeed(1).AddCallback(func(int) (int, error) { return 0, errBoom }) }, 1},
		{"D125 cycle", func() {
			d := deferred.New[any]()
			d.AddBoth(func(v any, err error) (any, error) { return v, errors.Join(err, nil) })
			d.Errback(errBoom)
			d.Pause()
			d.AddCallback(func(any) (any, error) { return d, nil }) // reaches itself
		}, 1},
		{"D127 handled", func() { boom().AddErrback(handled[any]) }, 0},
		{"D127 handled by addBoth", func() { boom().AddBoth(func(any, error) (any, error) { return 1, nil }) }, 0},
		{"D127 D128 moved to another, which handles it", func() { returning(boom()).AddErrback(handled[any]) }, 0},
		{"D127 moved to another, which reports it", func() { returning(boom()) }, 1},
		{"D46 inner failed later", func() { d := deferred.New[any](); returning(d); d.Errback(errBoom) }, 1},
		{"D129 errback returned an unfired one", func() {
			boom().AddErrback(func(error) (any, error) { return deferred.New[any](), nil })
		}, 0},
		{"D131 failed while paused", func() { d := deferred.New[any](); d.Pause(); d.Errback(errBoom) }, 1},
		{"failed, handled, failed again", func() {
			boom().AddErrback(handled[any]).AddCallback(func(any) (any, error) { return nil, errBoom })
		}, 1},
		{"passed from errback to errback", func() {
			d := boom()
			for range 3 {
				d.AddErrback(func(err error) (any, error) { return nil, err })
			}
		}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			reports := deferredtest.Watch(t)
			row.run()
			got := reports.All()
			for _, e := range got {
				if !errors.Is(e, errBoom) || !strings.Contains(e.Error(), "boom") {
					t.Errorf("got %v", e)
				}
			}
			if len(got) != row.want {
				t.Errorf("%d reports, want %d", len(got), row.want)
			}
		})
	}
}

// Without a receiver the report is one record at the error level.
func TestD122D123_ReportGoesToSlog(t *testing.T) {
	out := &signalBuffer{wrote: make(chan struct{}, 8)}
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(out, nil)))
	defer slog.SetDefault(old)
	func() { deferred.Fail[int](errBoom) }()
	waitCollected(t, out.wrote)
	text := out.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "err=boom") {
		t.Errorf("logged %q", text)
	}
}

// signalBuffer is a writer for several goroutines that says when something was
// written.
type signalBuffer struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{}
}

func (b *signalBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(p)
	b.wrote <- struct{}{}
	return len(p), nil
}

func (b *signalBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestD135toD138_DebuggingShowsStacks(t *testing.T) {
	deferred.SetDebugging(true)
	defer deferred.SetDebugging(false)
	if !deferred.Debugging() {
		t.Fatal("not on")
	}
	for _, first := range []func(deferred.Deferred[int]){
		func(d deferred.Deferred[int]) { d.Callback(1) },
		func(d deferred.Deferred[int]) { d.Errback(errBoom) },
	} {
		d := createdHere()
		firedHere(d, first)
		for _, again := range []func() error{
			func() error { return againHere(d) },
			func() error { return d.TryErrback(errOther) },
		} {
			err := again()
			e, ok := errors.AsType[*deferred.AlreadyCalledError](err)
			if !ok || !errors.Is(err, deferred.ErrAlreadyCalled) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(e.Created, "createdHere") || !strings.Contains(e.Fired, "firedHere") {
				t.Errorf("created:\n%s\nfired:\n%s", e.Created, e.Fired)
			}
			for _, line := range []string{"C: ", "I: "} {
				if !strings.Contains(err.Error(), "\n"+line) {
					t.Errorf("no %q line in %v", line, err)
				}
			}
			if strings.Contains(err.Error(), "againHere") {
				t.Errorf("shows the second firing: %v", err)
			}
		}
		d.AddErrback(handled[int])
	}
	reports := deferredtest.Watch(t)
	func() { firedHere(createdHere(), func(d deferred.Deferred[int]) { d.Errback(errBoom) }) }()
	got := reports.All()
	if len(got) != 1 || !strings.Contains(got[0].Created, "createdHere") || !strings.Contains(got[0].Fired, "firedHere") {
		t.Errorf("got %+v", got)
	}
}

//go:noinline
func createdHere() deferred.Deferred[int] { return deferred.New[int]() }

//go:noinline
func firedHere(d deferred.Deferred[int], fire func(deferred.Deferred[int])) { fire(d) }

//go:noinline
func againHere(d deferred.Deferred[int]) error { return d.TryCallback(2) }

func TestD139_SwitchingDebuggingDuringALife(t *testing.T) {
	defer deferred.SetDebugging(false)
	for bits := range 16 {
		at := func(i int) { deferred.SetDebugging(bits>>i&1 == 1) }
		at(0)
		d := deferred.New[int]()
		at(1)
		d.AddCallback(func(v int) (int, error) { return v + 1, nil })
		at(2)
		d.Callback(1)
		at(3)
		if err := d.TryCallback(2); !errors.Is(err, deferred.ErrAlreadyCalled) {
			t.Errorf("%04b: got %v", bits, err)
		}
		wantResult(t, d, 2)
	}
}

func TestD310toD312_Text(t *testing.T) {
	d, inner := deferred.New[any](), deferred.New[string]()
	if text := d.String(); !strings.HasPrefix(text, "Deferred[interface {}](0x") || !strings.HasSuffix(text, ")") {
		t.Errorf("D310: %s", text)
	}
	d.AddCallback(func(any) (any, error) { return inner, nil })
	d.Callback(nil)
	if text := d.String(); !strings.HasSuffix(text, " waiting on "+inner.String()) {
		t.Errorf("D312: %s", text)
	}
	inner.Callback("v")
	if text := d.String(); !strings.HasSuffix(text, " result: v") {
		t.Errorf("D311: %s", text)
	}
	failed := deferred.Fail[int](errBoom)
	if text := failed.String(); !strings.HasSuffix(text, " failed: boom") {
		t.Errorf("D311: %s", text)
	}
	failed.AddErrback(handled[int])
	if text := (deferred.Deferred[int]{}).String(); text != "Deferred[int](zero)" {
		t.Errorf("zero: %s", text)
	}
}
