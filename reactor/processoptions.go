package reactor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ProcessOptions configures SpawnProcess. The zero value gives the child an
// empty environment, the directory and user of this process, and pipes for the
// descriptors 0, 1 and 2.
type ProcessOptions struct {
	// Env is the child's environment, in the form "key=value". InheritEnv puts
	// the environment of this process before it; a later value of a key
	// counts. Without both, the environment is empty, so that no secret is
	// passed on by accident.
	Env        []string
	InheritEnv bool

	// Dir is the working directory of the child. "" means that of this process.
	Dir string

	// Credential, if not nil, is the user that the child runs as. Only a
	// privileged process may set it.
	Credential *ProcessCredential

	// ChildFDs says what each descriptor of the child is: ParentReads,
	// ParentWrites, or a file of this process, see [InheritFile]. The child
	// gets no other descriptors. nil means pipes: the parent writes to 0 and
	// reads from 1 and 2. Descriptors go up to 1023, on Windows up to 2.
	ChildFDs map[int]ChildFD

	// UsePTY gives the child a terminal, of the size WindowSize, instead of
	// pipes. The child leads a new session, which the terminal controls.
	// UsePTY excludes ChildFDs. Windows does not support it.
	UsePTY     bool
	WindowSize WindowSize

	// PrepareTerminal, if not nil, is called with the child's end of the
	// terminal before the child starts, for example to set its modes. An error
	// ends the start.
	PrepareTerminal func(terminal *os.File) error

	// TerminalEnv, if not empty, is the name of an environment variable that
	// has the path of the child's terminal, such as "SSH_TTY". Env must not
	// have a variable of that name. Without UsePTY it is not used.
	TerminalEnv string

	// NewGroup makes the child lead a process group of its own, and sends
	// signals to the whole group. A child with a terminal always leads one.
	// Windows does not support it.
	NewGroup bool

	// KillAfter, if not 0, makes a stopping reactor end the child: the child
	// gets SIGTERM, and SIGKILL after this time, on Windows at once. Run
	// returns after the child has ended; see also Options.ShutdownTimeout.
	// Processes that the child has started get no signal.
	//
	// With 0, the pipes of the child are closed and the child may run on. A
	// goroutine then stays until the child ends, so that no zombie is left.
	KillAfter time.Duration
}

// ProcessCredential is the user that a child runs as. Groups are the
// supplementary groups; nil means none.
type ProcessCredential struct {
	UID, GID uint32
	Groups   []uint32
}

// WindowSize is the size of a terminal in characters and in pixels. Pixels that
// are not known are 0. For a child, the zero value leaves the system's default,
// usually 0.
type WindowSize struct {
	Rows, Columns uint16
	Width, Height uint16
}

// ChildFD says what a descriptor of a child is: a [PipeEnd], or the result of
// [InheritFile].
type ChildFD interface{ childFD() }

// PipeEnd is this process's end of a pipe to a child.
type PipeEnd uint8

// The ends of a pipe.
const (
	ParentReads  PipeEnd = iota // the child writes, and ChildDataReceived gets the data
	ParentWrites                // the child reads what WriteToChild wrote
)

func (PipeEnd) childFD() {}

// InheritFile makes a file of this process a descriptor of the child. The file
// stays open here; you may close it when SpawnProcess has returned.
func InheritFile(f *os.File) ChildFD { return inheritedFile{f} }

type inheritedFile struct{ *os.File }

func (inheritedFile) childFD() {}

// defaultChildFDs are the descriptors of a child without ChildFDs.
var defaultChildFDs = map[int]ChildFD{0: ParentWrites, 1: ParentReads, 2: ParentReads}

// maxChildFD is the highest descriptor that a child may be given.
const maxChildFD = 1023

var (
	errPTYWithChildFDs = errors.New("ChildFDs cannot be used with UsePTY; leave one of them out")
	errNilFile         = errors.New("InheritFile with a nil file")
)

func (o *ProcessOptions) check() error {
	if o.UsePTY && o.ChildFDs != nil {
		return errPTYWithChildFDs
	}
	for fd, what := range o.ChildFDs {
		if fd < 0 || fd > maxChildFD {
			return fmt.Errorf("descriptor %d in ChildFDs; use 0 to %d", fd, maxChildFD)
		}
		if f, ok := what.(inheritedFile); ok && f.File == nil {
			return errNilFile
		}
		if end, ok := what.(PipeEnd); what == nil || ok && end > ParentWrites {
			return fmt.Errorf("descriptor %d in ChildFDs is %v; use ParentReads, ParentWrites or InheritFile", fd, what)
		}
	}
	return nil
}

// environ returns the child's environment. It is never nil, which would mean
// the environment of this process. Of several values of a key, only the last is
// kept, because programs disagree on which one counts.
func (o *ProcessOptions) environ() []string {
	all := o.Env
	if o.InheritEnv {
		all = append(os.Environ(), o.Env...)
	}
	env := make([]string, 0, len(all))
	seen := make(map[string]bool)
	for _, entry := range slices.Backward(all) {
		key := envKey(entry)
		if !seen[key] {
			seen[key] = true
			env = append(env, entry)
		}
	}
	slices.Reverse(env)
	return env
}

// envKey returns the key of "key=value". On Windows, keys may begin with "=",
// and their case does not matter.
func envKey(entry string) string {
	if runtime.GOOS == "windows" {
		entry = strings.ToUpper(entry)
	}
	if i := strings.Index(entry[min(1, len(entry)):], "="); i >= 0 {
		return entry[:i+1]
	}
	return entry
}
