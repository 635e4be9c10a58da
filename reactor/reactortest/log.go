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

// Log collects log records for a test. Any goroutine may use a Log.
type Log struct {
	t testing.TB

	mu      sync.Mutex // guards records
	records []string
}

// NewLog returns an empty Log. If the test fails, its remaining records are
// shown with the failure, unless t is nil.
func NewLog(t testing.TB) *Log {
	l := &Log{t: t}
	if t != nil {
		t.Cleanup(l.show)
	}
	return l
}

// Logger returns a logger that writes all levels to the Log.
func (l *Log) Logger() *slog.Logger { return slog.New(logHandler{log: l}) }

// Records returns the records, one string each: the level, the message, and
// the attributes as key=value. The keys of a group follow its name and a dot.
func (l *Log) Records() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// Take removes the records that contain text and returns them.
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

func (l *Log) add(record string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, record)
}

func (l *Log) show() {
	if l.t.Failed() {
		for _, record := range l.Records() {
			l.t.Log(record)
		}
	}
}

// logHandler writes to a Log. attrs and group are those of With and WithGroup.
type logHandler struct {
	log   *Log
	attrs string // each begins with a space
	group string // empty, or ends with a dot
}

var _ slog.Handler = logHandler{}

func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h logHandler) Handle(_ context.Context, record slog.Record) error {
	line := fmt.Sprintf("%v %s%s", record.Level, record.Message, h.attrs)
	record.Attrs(func(a slog.Attr) bool {
		line += h.text(a)
		return true
	})
	h.log.add(line)
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += h.text(a)
	}
	return h
}

func (h logHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}

func (h logHandler) text(a slog.Attr) string { return fmt.Sprintf(" %s%s=%v", h.group, a.Key, a.Value) }
