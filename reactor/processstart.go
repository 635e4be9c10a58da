package reactor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// launch is a child that is being started, or was started: the child's
// attributes, and this process's ends of the pipes.
type launch struct {
	attr     os.ProcAttr
	process  *os.Process
	ends     []processEnd
	theirs   []*os.File // the child's ends, closed here after the start
	terminal bool       // ends has only the terminal
}

// processEnd is this process's end of a pipe, or of a terminal.
type processEnd struct {
	fd     int // the child's descriptor
	file   *os.File
	reads  bool // data comes from the child
	writes bool // data goes to the child
}

// startChild starts a child. If that fails, startChild closes everything that
// it opened.
func startChild(executable string, args []string, opts *ProcessOptions) (*launch, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	path, err := lookUp(executable)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{executable}
	}
	l := new(launch)
	err = l.prepare(opts)
	if err == nil {
		err = l.start(path, args)
	}
	closeFiles(l.theirs)
	if err != nil {
		l.abandon()
		return nil, err
	}
	return l, nil
}

func (l *launch) start(path string, args []string) (err error) {
	l.attr.Files = withoutInherited(l.attr.Files)
	defer resetIgnoredSignals()()
	l.process, err = os.StartProcess(path, args, &l.attr)
	return systemsCause(err)
}

// lookUp looks for a name without a directory in the PATH of this process.
func lookUp(executable string) (string, error) {
	if filepath.Base(executable) != executable {
		return executable, nil
	}
	return exec.LookPath(executable)
}

// systemsCause returns the error of the operating system, without the name of
// the operation and the path.
func systemsCause(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// prepare sets the attributes and opens the pipes or the terminal.
func (l *launch) prepare(opts *ProcessOptions) error {
	if opts.Dir != "" {
		if _, err := os.Stat(opts.Dir); err != nil {
			return err // the system would not say whether the directory or the executable is missing
		}
	}
	l.attr.Dir = opts.Dir
	l.attr.Env = addCriticalEnv(opts.environ())
	if err := l.setCredential(opts.Credential); err != nil {
		return err
	}
	if opts.UsePTY {
		l.terminal = true
		return l.openTerminal(opts.WindowSize)
	}
	fds := opts.ChildFDs
	if fds == nil {
		fds = defaultChildFDs
	}
	return l.openPipes(fds)
}

func (l *launch) openPipes(fds map[int]ChildFD) error {
	for fd, what := range fds {
		theirs, err := l.open(fd, what)
		if err != nil {
			return err
		}
		for len(l.attr.Files) <= fd {
			l.attr.Files = append(l.attr.Files, nil) // closed in the child
		}
		l.attr.Files[fd] = theirs
	}
	return nil
}

// open returns the file that is the descriptor fd of the child.
func (l *launch) open(fd int, what ChildFD) (*os.File, error) {
	if f, ok := what.(inheritedFile); ok {
		return f.File, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	end := processEnd{fd: fd, file: r, reads: true}
	theirs := w
	if what == ParentWrites {
		end, theirs = processEnd{fd: fd, file: w, writes: true}, r
	}
	l.ends = append(l.ends, end)
	l.theirs = append(l.theirs, theirs)
	return theirs, nil
}

// abandon closes this process's ends.
func (l *launch) abandon() {
	for _, end := range l.ends {
		_ = end.file.Close() // nothing was written
	}
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // the child has its own descriptor
	}
}
