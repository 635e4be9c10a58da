package remote

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
)

// logWriter is where messages go: standard error, or the file of -E. Any
// goroutine may use it.
type logWriter struct {
	to  io.Writer
	raw atomic.Bool // the terminal needs "\r\n"
}

func (w *logWriter) Write(p []byte) (int, error) {
	out := p
	if w.raw.Load() {
		out = bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// logWriter opens the file of messages. The caller calls closeLog at the end.
func (c *Command) logWriter(p *plan) (w *logWriter, closeLog func(), err error) {
	switch name := p.LogFile(); name {
	case "":
		return &logWriter{to: c.Stderr}, func() {}, nil
	case "-":
		return &logWriter{to: c.Stdout}, func() {}, nil
	default:
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, fmt.Errorf("remote: log file: %w", err)
		}
		return &logWriter{to: f}, func() { f.Close() }, nil
	}
}

// newLogger returns the logger of the reactor. With -v it shows each step.
func newLogger(w io.Writer, p *plan) *slog.Logger {
	level := slog.LevelWarn
	switch {
	case p.Quiet():
		return slog.New(slog.DiscardHandler)
	case p.Debug() > 0:
		level = slog.LevelDebug
	}
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime}))
}
