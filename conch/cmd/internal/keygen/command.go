package keygen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hawser-go/hawser/conch/internal/text"
)

// Command is ckeygen with its connections to the outside. All fields but
// Secret must be set.
type Command struct {
	Stdin          io.Reader // answers to questions, and the file "-"
	Stdout, Stderr io.Writer // results and messages; questions and errors

	// Secret asks for a passphrase and returns it without its line end. The
	// answer must not be visible while the user types it. If Secret is nil or
	// returns ErrNoTerminal, the passphrase is read from Stdin. Any other error
	// ends the command; it is ErrInterrupted if the user pressed Ctrl-C.
	Secret func(prompt string) ([]byte, error)
}

// New returns the Command of this process.
func New() *Command {
	return &Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Secret: askTerminal}
}

var (
	// ErrInterrupted: a Secret returns ErrInterrupted if the user does not want
	// to go on. Run then returns 130.
	ErrInterrupted = errors.New("keygen: interrupted")

	// ErrNoTerminal: a Secret returns ErrNoTerminal if there is no terminal to
	// ask on.
	ErrNoTerminal = errors.New("keygen: no terminal to ask on")
)

// errRefused says that the user does not want to overwrite a file.
var errRefused = errors.New("not overwritten")

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text + "; see ckeygen -h" }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// saveError reports a file that cannot be written.
type saveError struct{ error }

// Exit statuses, as ssh-keygen has them.
const (
	statusUsage       = 1   // also for files that are not written
	statusFailed      = 255 // other errors
	statusInterrupted = 130 // as a shell reports SIGINT
)

// action is one of the things that ckeygen does.
type action struct {
	option string   // the option that chooses the action; empty for making a key
	takes  []string // the other options of the action
	writes bool     // the key file
	run    func(*task) error
}

func (a action) spelling() string {
	for _, o := range options {
		if a.option == o.Name {
			return o.String()
		}
	}
	return "making a key"
}

// actions are all actions; the first is the default.
var actions = []action{
	{"", []string{optType, optBits, optComment, optFile, optPass, optNewPass, optNoPassphrase, optSubtype,
		optRounds, optFormat, optHash}, true, (*task).generate},
	{optFingerprint, []string{optFile, optPass, optFormat, optHash}, false, (*task).fingerprint},
	{optChangePass, []string{optFile, optPass, optNewPass, optNoPassphrase, optSubtype, optRounds}, true, (*task).changePassphrase},
	{optShowPub, []string{optFile, optPass}, false, (*task).showPublic},
	{optExport, []string{optFile, optPass, optSubtype}, false, (*task).export},
	{optImport, []string{optFile, optSubtype}, false, (*task).convert},
}

// Run runs ckeygen with the arguments behind its name, and returns the exit
// status. It blocks until the user has answered all questions. Errors are
// written to Stderr. Run may be called again, one call at a time.
func (c *Command) Run(args []string) int {
	if len(args) == 0 {
		_ = c.write(c.Stderr, help) // there is no other place for errors
		return statusUsage
	}
	err := c.run(args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrInterrupted):
		return statusInterrupted
	case errors.Is(err, errRefused):
		return statusUsage
	}
	_ = c.write(c.Stderr, "ckeygen: "+text.Line(text.TrimPrefix(err))+"\n")
	_, usage := errors.AsType[*usageError](err)
	_, save := errors.AsType[*saveError](err)
	if usage || save {
		return statusUsage
	}
	return statusFailed
}

// run finds the action and runs it.
func (c *Command) run(args []string) error {
	set, err := parse(args)
	if err != nil {
		return err
	}
	if set.has(optHelp) {
		return c.write(c.Stdout, help)
	}
	chosen := actions[0]
	for _, a := range actions[1:] {
		if !set.has(a.option) {
			continue
		}
		if chosen.option != "" {
			return usagef("options %s and %s do not go together", chosen.spelling(), a.spelling())
		}
		chosen = a
	}
	if err := set.check(chosen); err != nil {
		return err
	}
	return chosen.run(&task{Command: c, set: set, in: bufio.NewReader(c.Stdin)})
}

func (c *Command) write(w io.Writer, s string) error {
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	return nil
}

// task is one run of a command.
type task struct {
	*Command
	set settings
	in  *bufio.Reader // Stdin
}

// print writes a result to Stdout.
func (t *task) print(format string, args ...any) error {
	return t.write(t.Stdout, fmt.Sprintf(format, args...))
}

// say writes a message to Stdout, unless the command is quiet.
func (t *task) say(format string, args ...any) error {
	if t.set.has(optQuiet) {
		return nil
	}
	return t.print(format, args...)
}
