package insults

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
)

// ErrExpectationTimeout is the failure of an expectation whose time is up.
var ErrExpectationTimeout = errors.New("insults: the expected text did not appear in time")

// ExpectableBuffer is a [TerminalBuffer] that waits for text to appear, for
// programs that talk to other programs, and for tests. Make one with
// NewExpectableBuffer. All methods belong to the loop.
type ExpectableBuffer struct {
	TerminalBuffer
	mark    int // the text before has been matched
	waiting []*expectation
	lost    error
}

type expectation struct {
	pattern *regexp.Regexp
	fired   deferred.Deferred[[]string]
	stop    func() bool // ends the timeout; nil if there is none
}

var _ Terminal = (*ExpectableBuffer)(nil)

// NewExpectableBuffer returns an empty screen. The bounds of the size are those
// of [NewTerminalBuffer].
func NewExpectableBuffer(width, height int) *ExpectableBuffer {
	b := new(ExpectableBuffer)
	b.onScroll = func(line string) { b.mark = max(b.mark-len(line)-len("\n"), 0) }
	b.init(width, height)
	return b
}

// Expect waits until the result of String matches the pattern. The Deferred
// fires with the result of FindStringSubmatch.
//
// Expectations are met in order. Each searches the text after the previous
// match. CursorHome and Reset start again at the beginning.
//
// If timeout is positive, the expectation fails with [ErrExpectationTimeout]
// after that time on clock. If timeout is 0, clock may be nil. All expectations
// fail when the connection is lost. Cancelling the Deferred withdraws the
// expectation.
func (b *ExpectableBuffer) Expect(pattern *regexp.Regexp, timeout time.Duration, clock reactor.Clock) deferred.Deferred[[]string] {
	if b.lost != nil {
		return deferred.Fail[[]string](b.lost)
	}
	e := &expectation{pattern: pattern}
	e.fired = deferred.New(func(deferred.Deferred[[]string]) { b.withdraw(e) })
	if timeout > 0 {
		e.stop = clock.AfterFunc(timeout, func() {
			b.remove(e)
			e.fired.Errback(fmt.Errorf("%w: %s", ErrExpectationTimeout, pattern))
			b.match()
		})
	}
	b.waiting = append(b.waiting, e)
	fired := e.fired
	b.match()
	return fired
}

// withdraw removes a cancelled expectation.
func (b *ExpectableBuffer) withdraw(e *expectation) {
	b.remove(e)
	e.fired.Errback(deferred.ErrCancelled)
	b.match()
}

// remove ends an expectation without a result.
func (b *ExpectableBuffer) remove(e *expectation) {
	b.waiting = slices.DeleteFunc(b.waiting, func(other *expectation) bool { return other == e })
	if e.stop != nil {
		e.stop()
	}
}

// match fires the expectations that the text meets.
func (b *ExpectableBuffer) match() {
	for len(b.waiting) > 0 {
		text := b.String()
		b.mark = min(b.mark, len(text))
		e := b.waiting[0]
		at := e.pattern.FindStringSubmatchIndex(text[b.mark:])
		if at == nil {
			return
		}
		found := e.pattern.FindStringSubmatch(text[b.mark:])
		b.mark += at[1]
		b.remove(e)
		e.fired.Callback(found)
	}
}

// Write writes UTF-8, and looks for the expected text.
func (b *ExpectableBuffer) Write(p []byte) (int, error) {
	_, _ = b.TerminalBuffer.Write(p) // never fails
	b.match()
	return len(p), nil
}

// WriteString writes s.
func (b *ExpectableBuffer) WriteString(s string) (int, error) { return b.Write([]byte(s)) }

// WriteSequence writes all pieces with one Write.
func (b *ExpectableBuffer) WriteSequence(pieces [][]byte) { _, _ = b.Write(slices.Concat(pieces...)) }

// CursorHome moves the cursor home. Expected text is looked for from there.
func (b *ExpectableBuffer) CursorHome() {
	b.TerminalBuffer.CursorHome()
	b.mark = 0
}

// Reset empties the screen. Expected text is looked for from its beginning.
func (b *ExpectableBuffer) Reset() {
	b.TerminalBuffer.Reset()
	b.mark = 0
}

// ConnectionLost fails all expectations. A [ClientProtocol] calls it.
func (b *ExpectableBuffer) ConnectionLost(reason error) {
	if b.lost == nil {
		b.lost = fmt.Errorf("insults: connection lost: %w", reason)
	}
	for len(b.waiting) > 0 {
		e := b.waiting[0]
		b.remove(e)
		e.fired.Errback(b.lost)
	}
}
