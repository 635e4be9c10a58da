package cftp

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/hawser-go/hawser/conch/cmd/internal/login"
	"github.com/hawser-go/hawser/conch/internal/text"
)

// localPath joins a local path of the user with the local directory.
func (s *Shell) localPath(p string) string {
	p = filepath.FromSlash(p)
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.local, p)
}

func lcd(c *call) error {
	p := "~"
	if len(c.args) > 0 && c.args[0].text != "" {
		p = c.args[0].text
	}
	shown := p
	if p == "~" || strings.HasPrefix(p, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return because(err, "Couldn't change local directory to %s", text.Quote(shown))
		}
		p = filepath.Join(home, p[1:])
	}
	p = c.localPath(p)
	// A directory that cannot be used is found out as chdir does.
	dir, err := os.Stat(filepath.Join(p, "."))
	if err == nil && !dir.IsDir() {
		err = errNotDirectory
	}
	if err == nil {
		_, err = os.Stat(p + string(filepath.Separator) + ".")
	}
	if err != nil {
		return because(err, "Couldn't change local directory to %s", text.Quote(shown))
	}
	c.Shell.local = p
	return nil
}

var errNotDirectory = errors.New("not a directory")

func lmkdir(c *call) error {
	return orNil(os.Mkdir(c.localPath(c.args[0].text), 0o777), "Couldn't create local directory %s", text.Quote(c.args[0].text))
}

// lls lists with the program that people know.
func lls(c *call) error {
	program := "ls "
	if runtime.GOOS == "windows" {
		program = "dir "
	}
	line := strings.TrimSpace(program + c.rest)
	if c.System != nil { // on the terminal ls has columns
		return c.ended(c.System(c.ctx, c.local, line))
	}
	return c.ended(c.programs(c.ctx, line))
}

func system(c *call) error {
	run := c.System
	if run == nil {
		run = func(ctx context.Context, _, line string) error { return c.programs(ctx, line) }
	}
	return c.ended(run(c.ctx, c.local, c.rest))
}

// ended prints the failure of a local program. It does not fail the command,
// as in sftp, whose batches go on.
func (c *call) ended(err error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if code := exit.ExitCode(); code >= 0 {
			c.warn("Shell exited with status %d", code)
		} else {
			c.warn("Shell exited abnormally: %s", exit)
		}
	} else if err != nil {
		c.warn("Couldn't run the local program: %s", reason(err))
	}
	return nil
}

// programs runs a line with the local shell, without input.
func (c *call) programs(ctx context.Context, line string) error {
	cmd := login.Shell(ctx, line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.local, c.out, c.err
	return cmd.Run()
}

func lumask(c *call) error {
	mask, err := strconv.ParseUint(c.args[0].text, 8, 9)
	if err != nil {
		return failf("You must supply a numeric argument to the lumask command: an octal mode such as 022.")
	}
	if err := setUmask(int(mask)); err != nil {
		return err
	}
	c.printf("Local umask: %03o\n", mask)
	return nil
}
