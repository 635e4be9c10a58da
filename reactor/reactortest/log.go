package reactortest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Log collects what is logged, for a test to look at (R529). It is a slog.Handler. Any goroutine may use it.
type Log struct {
	t testing.TB

	mu      sync.Mutex // guards records
	records []string
}

// NewLog returns an empty Log. What is still in it when a test has failed is shown with the failure; nobody needs to look at what
// is logged. A nil t means not to show it.
func NewLog(t testing.TB) *Log {
	l := &Log{t: t}
	if t != nil {
		t.Cleanup(l.show)
	}
	return l
}

// Logger returns a logger that writes here.
func (l *Log) Logger() *slog.Logger { return slog.New(l) }

// Records returns what was logged, a line per record: level, message, and the attributes as key=value.
func (l *Log) Records() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// Take returns the records that contain text and forgets them.
func (l *Log) Take(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = slices.DeleteFunc(l.records, func(record string) bool {
		if !strings.Contains(record, text) {
			return false
		}
		found = append(found, record)
		return true
	})
	return found
}

// Enabled is part of slog.Handler.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// Handle is part of slog.Handler.
func (l *Log) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	fmt.Fprintf(&line, "%v %s", record.Level, record.Message)
	record.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, line.String())
	return nil
}

// WithAttrs is part of slog.Handler; the attributes are dropped.
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is part of slog.Handler; the group is dropped.
func (l *Log) WithGroup(string) slog.Handler { return l }

func (l *Log) show() {
	if l.t.Failed() {
		for _, record := range l.Records() {
			l.t.Log(record)
		}
	}
}
