package reactor_test

import (
	"bytes"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-go/hawser/reactor"
)

func panicking() { panic("boom") }

func slow() { time.Sleep(time.Hour) } // in the time of the bubble

// What is logged with a stack is readable with slog's default handler: the
// stack is there once, on lines of its own.
func TestR533_StacksInTheDefaultLog(t *testing.T) {
	for name, start := range map[string]func(r *reactor.Reactor){
		"CallFromThread":        func(r *reactor.Reactor) { r.CallFromThread(panicking) },
		"CallLater":             func(r *reactor.Reactor) { r.CallLater(0, panicking) },
		"AddSystemEventTrigger": func(r *reactor.Reactor) { r.AddSystemEventTrigger(reactor.Before, reactor.Startup, panicking) },
		"CallWhenRunning":       func(r *reactor.Reactor) { r.CallWhenRunning(panicking) },
		"CallInThread":          func(r *reactor.Reactor) { _ = r.CallInThread(panicking) },
		"CallMultipleInThread": func(r *reactor.Reactor) {
			_ = r.CallMultipleInThread(func() error { panicking(); return nil })
		},
		"CallInThreadWithCallback": func(r *reactor.Reactor) {
			_ = reactor.CallInThreadWithCallback(r.ThreadPool(), func() (int, error) { return 1, nil }, func(int, error) { panicking() })
		},
		"the watchdog": func(r *reactor.Reactor) { r.CallFromThread(slow) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer // used with the lock of package log
			defer log.SetOutput(log.Writer())
			log.SetOutput(&out)
			synctest.Test(t, func(t *testing.T) {
				r := reactor.New(reactor.Options{NoSignals: true, Debug: true, Watchdog: time.Minute})
				start(r)
				r.CallLater(2*time.Second, func() { mustStop(t, r) })
				mustRun(t, r)
			})
			text := out.String()
			if n := strings.Count(text, "goroutine "); n != 1+strings.Count(text, "in goroutine ") || strings.Contains(text, `\n`) {
				t.Errorf("not one stack:\n%s", text)
			}
			if !strings.Contains(text, "\ngithub.com/hawser-go/hawser/reactor_test.panicking(") && !strings.Contains(text, "\ngithub.com/hawser-go/hawser/reactor_test.slow(") {
				t.Errorf("the function is not in the stack:\n%s", text)
			}
		})
	}
}
