package cftp

import (
	"context"
	"errors"
	"io"
	"path"
	"sync/atomic"

	"github.com/hawser-go/hawser/conch/sftp"
)

// errQuit is returned by Run for the commands that end the session.
var errQuit = errors.New("cftp: the session ends")

// Shell runs commands on an SFTP session. Its methods block. They may be called
// from any goroutine but the loop's, by one goroutine at a time. The fields may
// be changed between calls.
type Shell struct {
	// Out and Err receive the output and the error messages of commands. Each
	// call of Write has whole lines.
	Out, Err io.Writer

	// Progress, if not nil, is called on the loop while a command transfers
	// files, unless the user has turned progress off. ProgressDone is called
	// when the command has no more transfers, before its next output.
	Progress     func(sftp.Progress)
	ProgressDone func()

	// System runs a command of the local shell in the directory dir, with the
	// terminal of the user. An empty line means an interactive shell. Nil means
	// that such commands run with Out and Err, and without input.
	System func(ctx context.Context, dir, line string) error

	// Width returns the number of columns for listings. Nil means 80.
	Width func() int

	files        *sftp.Files
	home         string // the remote directory at the start
	remote       string // the remote directory
	local        string // the local directory; an absolute path
	hideProgress atomic.Bool
}

// NewShell returns a shell for a session, with the local directory local, which
// must be an absolute path. Start must be called before Run.
func NewShell(files *sftp.Files, local string, out, err io.Writer) *Shell {
	return &Shell{Out: out, Err: err, files: files, local: local}
}

// Start asks the server for the directory in which the session begins.
func (s *Shell) Start(ctx context.Context) error {
	home, err := s.files.RealPath(ctx, ".")
	if err != nil {
		return err
	}
	s.home, s.remote = home, home
	return nil
}

// Run runs one command line. It writes the output and all error messages, and
// returns an error if the command has failed. The error is errQuit for a
// command that ends the session, and matches the cause of ctx if ctx ended the
// command. The session can be used after that.
func (s *Shell) Run(ctx context.Context, line string) error {
	return s.run(ctx, line)
}

// Complete returns the candidates for the word before the cursor, which is a
// byte offset in line. Each candidate replaces line[start:cursor]. A candidate
// is quoted as Run reads it; a directory ends in a slash; a candidate that is
// complete ends in a space or, inside quotes, in the quote and a space.
func (s *Shell) Complete(ctx context.Context, line string, cursor int) (start int, candidates []string) {
	return cursor, nil
}

// remotePath joins a path of the user with the remote directory.
func (s *Shell) remotePath(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(s.remote, p)
}
