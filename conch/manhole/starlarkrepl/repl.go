package starlarkrepl

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-go/hawser/conch/internal/text"
	"github.com/hawser-go/hawser/conch/manhole"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Defaults of Options.
const (
	DefaultMaxSteps = 50_000_000
	DefaultTimeout  = 5 * time.Second
)

// Options configures an interpreter. The zero value means the defaults.
type Options struct {
	// MaxSteps is the number of steps of Starlark after which a statement ends.
	// 0 means DefaultMaxSteps.
	MaxSteps uint64

	// Timeout is the time after which a statement ends. 0 means DefaultTimeout.
	Timeout time.Duration
}

// New returns an interpreter for a session, with the default options. It is a
// manhole.InterpreterFactory.
func New(s manhole.Session, namespace map[string]any) manhole.Interpreter {
	return Options{}.New(s, namespace)
}

// New returns an interpreter for a session. Options{…}.New is a
// manhole.InterpreterFactory. Names that are no identifiers cannot be used.
func (o Options) New(s manhole.Session, namespace map[string]any) manhole.Interpreter {
	i := &interpreter{session: s, globals: make(starlark.StringDict)}
	i.limits.steps = cmp.Or(o.MaxSteps, DefaultMaxSteps)
	i.limits.timeout = cmp.Or(o.Timeout, DefaultTimeout)
	for _, name := range []string{"exit", "quit"} {
		i.globals[name] = starlark.NewBuiltin(name, i.exit)
	}
	for name, v := range namespace {
		i.globals[name] = toStarlark(v)
	}
	return i
}

// interpreter runs the statements of a session.
type interpreter struct {
	session manhole.Session
	globals starlark.StringDict
	limits  limits
	lines   []string // of the statement that is not complete
	size    int      // of lines
	nested  int      // functions of Starlark that Go has called and that run
}

var (
	_ manhole.Interpreter = (*interpreter)(nil)
	_ manhole.Completer   = (*interpreter)(nil)
	_ manhole.Colorizer   = (*interpreter)(nil)
)

// maxSource is the size of the longest statement, in bytes.
const maxSource = 64 << 10

// dialect is the language: Starlark with everything that helps a user who types.
var dialect = &syntax.FileOptions{
	Set: true, While: true, TopLevelControl: true, GlobalReassign: true, LoadBindsGlobally: true, Recursion: true,
}

// Reset drops the kept lines.
func (i *interpreter) Reset() { i.lines, i.size = nil, 0 }

// errMore is the error of reading a line that the user has not typed yet.
var errMore = errors.New("starlarkrepl: the statement is not complete")

// Push takes a line.
func (i *interpreter) Push(line string) (more bool) {
	if i.size += len(line) + 1; i.size > maxSource {
		i.Reset()
		i.fail(fmt.Sprintf("statement too long: the limit is %d KiB", maxSource>>10))
		return false
	}
	i.lines = append(i.lines, line)
	rest, missing := i.lines, false
	file, err := dialect.ParseCompoundStmt("<manhole>", func() ([]byte, error) {
		if missing = len(rest) == 0; missing {
			return nil, errMore
		}
		next := rest[0]
		rest = rest[1:]
		return []byte(next + "\n"), nil
	})
	if err != nil && missing { // the parser hides errMore
		return true
	}
	i.Reset()
	if err != nil {
		i.fail(err.Error())
		return false
	}
	i.run(file)
	return false
}

// run runs a complete statement.
func (i *interpreter) run(file *syntax.File) {
	err := i.limits.run(i.print, func(thread *starlark.Thread) error {
		thread.SetLocal(ownLocal, i)
		if x := soleExpression(file); x != nil {
			return i.evaluate(thread, x)
		}
		return starlark.ExecREPLChunk(file, thread, i.globals)
	})
	if err != nil {
		i.fail(describeError(err))
	}
}

// maxFrames is the number of calls that an error shows.
const maxFrames = 20

// describeError returns the text of an error, with the last calls that led to
// it.
func describeError(err error) string {
	failed, ok := errors.AsType[*starlark.EvalError](err)
	if !ok {
		return err.Error()
	}
	stack := failed.CallStack
	shown := &starlark.EvalError{Msg: failed.Msg, CallStack: stack[max(len(stack)-maxFrames, 0):]}
	return shown.Backtrace()
}

// soleExpression returns the expression that is the whole statement, or nil.
func soleExpression(file *syntax.File) syntax.Expr {
	if len(file.Stmts) == 1 {
		if statement, ok := file.Stmts[0].(*syntax.ExprStmt); ok {
			return statement.X
		}
	}
	return nil
}

// evaluate evaluates an expression, and shows the value.
func (i *interpreter) evaluate(thread *starlark.Thread, x syntax.Expr) error {
	v, err := starlark.EvalExprOptions(dialect, thread, x, i.globals)
	if err != nil {
		return err
	}
	if v == starlark.None {
		return nil
	}
	i.globals["_"] = v
	if shown := i.display(v); shown != "" {
		i.print(thread, shown)
	}
	return nil
}

// display returns the text that shows a value.
func (i *interpreter) display(v starlark.Value) string {
	if o, ok := v.(goValue); ok {
		return i.session.Display(o.goValue().Interface())
	}
	return v.String()
}

// print shows a line of output of the statement that runs.
func (i *interpreter) print(thread *starlark.Thread, line string) {
	if line, ok := i.limits.output(thread, line+"\n"); ok {
		i.session.AddOutput(line, false)
	}
}

// fail shows an error. Errors of Go methods may hold text of strangers.
func (i *interpreter) fail(message string) {
	i.session.AddOutput(strings.TrimSuffix(text.Lines(message), "\n")+"\n", false)
}

// exit ends the session.
func (i *interpreter) exit(
	_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple,
) (starlark.Value, error) {
	if err := starlark.UnpackArgs(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	i.session.LoseConnection()
	return starlark.None, nil
}
