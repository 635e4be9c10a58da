package manhole

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"

	"github.com/hawser-go/hawser/conch/insults"
	"github.com/hawser-go/hawser/conch/recvline"
	"github.com/hawser-go/hawser/reactor"
)

// Manhole is a terminal program that lets its user run statements in this
// process. It is Twisted's Manhole. See the package comment about security.
//
// The keys are those of recvline.HistoricRecvLine.BindReadlineKeys and these:
//
//	^C         drops the line and the unfinished statement
//	^D         ends the session if the line is empty
//	^\         ends the session
//	^L         draws the screen again
//	Tab        completes names, and indents at the beginning of a line
//
// ^C cannot interrupt a statement that runs: the loop, which receives the key,
// waits for the statement.
//
// Call [New]. A type that embeds a Manhole by value must set NewInterpreter. If
// it defines ConnectionMade or ConnectionLost, these must call the methods of
// Manhole. All methods and fields belong to the loop. One Manhole serves one
// session.
type Manhole struct {
	recvline.HistoricRecvLine

	// NewInterpreter makes the interpreter. It must not be nil.
	NewInterpreter InterpreterFactory

	// Namespace has the names that the user finds. Each session has its own copy
	// of the map. The values are shared.
	Namespace map[string]any

	interpreter Interpreter
	deferreds   deferreds
	running     bool // a statement runs
	ending      bool // LoseConnection was called
	ended       bool
}

var (
	_ Session       = (*Manhole)(nil)
	_ recvline.Line = (*Manhole)(nil)
)

var errNoInterpreter = errors.New("manhole: a Manhole needs an interpreter; pass one to New, such as starlarkrepl.New")

// New returns a Manhole for one session. New panics if newInterpreter is nil.
func New(newInterpreter InterpreterFactory, namespace map[string]any) *Manhole {
	if newInterpreter == nil {
		panic(errNoInterpreter)
	}
	return &Manhole{NewInterpreter: newInterpreter, Namespace: namespace}
}

// Prepare sets everything up before ConnectionMade. It panics if NewInterpreter
// is nil.
func (m *Manhole) Prepare() {
	m.HistoricRecvLine.Prepare()
	m.BindReadlineKeys()
	m.KeyHandlers[insults.Ctrl('c')] = m.HandleInterrupt
	m.KeyHandlers[insults.Ctrl('d')] = m.HandleEOF
	m.KeyHandlers[insults.Ctrl('\\')] = m.HandleQuit
	if m.NewInterpreter == nil {
		panic(errNoInterpreter)
	}
	namespace := make(map[string]any, len(m.Namespace))
	maps.Copy(namespace, m.Namespace)
	session := m.session()
	m.deferreds.report = func(text string) { session.AddOutput(text, true) }
	m.interpreter = m.NewInterpreter(session, namespace)
	if completer, ok := m.interpreter.(Completer); ok && m.Complete == nil {
		m.Complete = completer.Complete
	}
}

// session returns the program as its interpreter sees it.
func (m *Manhole) session() Session { return m.Self().(Session) }

// ConnectionMade logs the session and calls InitializeScreen.
func (m *Manhole) ConnectionMade() {
	m.log(slog.LevelWarn, "manhole: session opened; its user controls this process")
	m.HistoricRecvLine.ConnectionMade()
}

// ConnectionLost ends the session. Deferreds that fire later are not shown.
func (m *Manhole) ConnectionLost(reason error) {
	m.ended = true
	m.deferreds.end()
	m.log(slog.LevelInfo, "manhole: session ended")
	m.HistoricRecvLine.ConnectionLost(reason)
}

// log logs a session, unless its user sits at the terminal of the process: such
// a user has started the process, and the log may go to the same terminal.
func (m *Manhole) log(level slog.Level, message string) {
	peer := m.Terminal().GetPeer()
	if _, own := peer.(reactor.StandardIOAddress); own {
		return
	}
	attrs := []slog.Attr{}
	if peer != nil {
		attrs = append(attrs, slog.String("peer", peer.String()))
	}
	cmp.Or(m.Logger, slog.Default()).LogAttrs(context.Background(), level, message, attrs...)
}

// LineReceived runs a line and writes the next prompt.
func (m *Manhole) LineReceived(line string) {
	more := m.push(line)
	if m.ending || m.ended {
		return
	}
	m.PN = 0
	if more {
		m.PN = 1
	}
	if last := m.Terminal().LastWrite(); !bytes.HasSuffix(last, []byte("\n")) && string(last) != "\x1bE" {
		m.Terminal().NextLine()
	}
	m.WritePrompt()
}

func (m *Manhole) push(line string) (more bool) {
	m.running = true
	defer func() { m.running = false }()
	return m.interpreter.Push(line)
}

// AddOutput shows output. Text of the statement that runs is written as it is,
// and async is false. If async is true, the text arrives while the user may be
// typing: prompt and line are erased, and are drawn again below the text. After
// the end of the session nothing is shown.
func (m *Manhole) AddOutput(text string, async bool) {
	switch {
	case m.ended || m.ending:
		return
	case async && m.running && text != "": // there is no prompt
		async, text = false, strings.TrimSuffix(text, "\n")+"\n"
	}
	m.HistoricRecvLine.AddOutput(text, async)
}

// Display returns the text that shows a value: nothing for nil, a number for a
// Deferred that has not fired, and the result of [Represent] for others.
func (m *Manhole) Display(v any) string {
	if v == nil {
		return ""
	}
	if text, ok := m.deferreds.display(v); ok {
		return text
	}
	return Represent(v)
}

// LoseConnection ends the session.
func (m *Manhole) LoseConnection() {
	m.ending = true
	m.Terminal().LoseConnection()
}

// HandleInterrupt drops the line and the unfinished statement.
func (m *Manhole) HandleInterrupt() {
	m.PN = 0
	m.EndLine()
	m.ResetHistoryPosition()
	m.interpreter.Reset()
	_, _ = m.Terminal().WriteString("KeyboardInterrupt") // never fails
	m.Terminal().NextLine()
	m.WritePrompt()
}

// HandleEOF ends the session if the line is empty. Otherwise the bell rings.
func (m *Manhole) HandleEOF() {
	if m.LineBuffer() != "" {
		_, _ = m.Terminal().WriteString("\a") // never fails
		return
	}
	m.HandleQuit()
}

// HandleQuit ends the session.
func (m *Manhole) HandleQuit() { m.session().LoseConnection() }

// HandleTab completes the name before the cursor. At the beginning of a line it
// inserts spaces.
func (m *Manhole) HandleTab() {
	if before, _ := m.CurrentLineBuffer(); strings.TrimSpace(before) == "" {
		complete := m.Complete
		m.Complete = nil
		defer func() { m.Complete = complete }()
	}
	m.HistoricRecvLine.HandleTab()
}
