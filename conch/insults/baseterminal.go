package insults

import (
	"net"

	"github.com/hawser-go/hawser/deferred"
)

// BaseTerminal implements [Terminal]. Its methods do nothing, and
// ReportCursorPosition fires with the zero Position. Embed it by value in your
// own terminals. The zero value is ready to use.
type BaseTerminal struct{}

var _ Terminal = (*BaseTerminal)(nil)

func (*BaseTerminal) terminal() {}

// Write returns len(p), nil.
func (*BaseTerminal) Write(p []byte) (int, error) { return len(p), nil }

// WriteString returns len(s), nil.
func (*BaseTerminal) WriteString(s string) (int, error) { return len(s), nil }

// LastWrite returns nil.
func (*BaseTerminal) LastWrite() []byte { return nil }

// SelectCharacterSet returns nil.
func (*BaseTerminal) SelectCharacterSet(CharacterSet, CharacterSlot) error { return nil }

// ReportCursorPosition fires with the zero Position.
func (*BaseTerminal) ReportCursorPosition() deferred.Deferred[Position] {
	return deferred.Succeed(Position{})
}

// GetHost returns nil.
func (*BaseTerminal) GetHost() net.Addr { return nil }

// GetPeer returns nil.
func (*BaseTerminal) GetPeer() net.Addr { return nil }

// WriteSequence does nothing.
func (*BaseTerminal) WriteSequence([][]byte) {}

// CursorUp does nothing.
func (*BaseTerminal) CursorUp(int) {}

// CursorDown does nothing.
func (*BaseTerminal) CursorDown(int) {}

// CursorForward does nothing.
func (*BaseTerminal) CursorForward(int) {}

// CursorBackward does nothing.
func (*BaseTerminal) CursorBackward(int) {}

// CursorPosition does nothing.
func (*BaseTerminal) CursorPosition(int, int) {}

// CursorHome does nothing.
func (*BaseTerminal) CursorHome() {}

// Index does nothing.
func (*BaseTerminal) Index() {}

// ReverseIndex does nothing.
func (*BaseTerminal) ReverseIndex() {}

// NextLine does nothing.
func (*BaseTerminal) NextLine() {}

// SaveCursor does nothing.
func (*BaseTerminal) SaveCursor() {}

// RestoreCursor does nothing.
func (*BaseTerminal) RestoreCursor() {}

// SetModes does nothing.
func (*BaseTerminal) SetModes(...Mode) {}

// ResetModes does nothing.
func (*BaseTerminal) ResetModes(...Mode) {}

// SetPrivateModes does nothing.
func (*BaseTerminal) SetPrivateModes(...PrivateMode) {}

// ResetPrivateModes does nothing.
func (*BaseTerminal) ResetPrivateModes(...PrivateMode) {}

// ApplicationKeypadMode does nothing.
func (*BaseTerminal) ApplicationKeypadMode() {}

// NumericKeypadMode does nothing.
func (*BaseTerminal) NumericKeypadMode() {}

// ShiftIn does nothing.
func (*BaseTerminal) ShiftIn() {}

// ShiftOut does nothing.
func (*BaseTerminal) ShiftOut() {}

// SingleShift2 does nothing.
func (*BaseTerminal) SingleShift2() {}

// SingleShift3 does nothing.
func (*BaseTerminal) SingleShift3() {}

// SelectGraphicRendition does nothing.
func (*BaseTerminal) SelectGraphicRendition(...Attribute) {}

// HorizontalTabulationSet does nothing.
func (*BaseTerminal) HorizontalTabulationSet() {}

// TabulationClear does nothing.
func (*BaseTerminal) TabulationClear() {}

// TabulationClearAll does nothing.
func (*BaseTerminal) TabulationClearAll() {}

// DoubleHeightLine does nothing.
func (*BaseTerminal) DoubleHeightLine(bool) {}

// SingleWidthLine does nothing.
func (*BaseTerminal) SingleWidthLine() {}

// DoubleWidthLine does nothing.
func (*BaseTerminal) DoubleWidthLine() {}

// EraseToLineEnd does nothing.
func (*BaseTerminal) EraseToLineEnd() {}

// EraseToLineBeginning does nothing.
func (*BaseTerminal) EraseToLineBeginning() {}

// EraseLine does nothing.
func (*BaseTerminal) EraseLine() {}

// EraseToDisplayEnd does nothing.
func (*BaseTerminal) EraseToDisplayEnd() {}

// EraseToDisplayBeginning does nothing.
func (*BaseTerminal) EraseToDisplayBeginning() {}

// EraseDisplay does nothing.
func (*BaseTerminal) EraseDisplay() {}

// DeleteCharacter does nothing.
func (*BaseTerminal) DeleteCharacter(int) {}

// InsertLine does nothing.
func (*BaseTerminal) InsertLine(int) {}

// DeleteLine does nothing.
func (*BaseTerminal) DeleteLine(int) {}

// SetScrollRegion does nothing.
func (*BaseTerminal) SetScrollRegion(int, int) {}

// ResetScrollRegion does nothing.
func (*BaseTerminal) ResetScrollRegion() {}

// Reset does nothing.
func (*BaseTerminal) Reset() {}

// UnhandledControlSequence does nothing.
func (*BaseTerminal) UnhandledControlSequence([]byte) {}

// LoseConnection does nothing.
func (*BaseTerminal) LoseConnection() {}
