package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// shell returns the user's shell.
func shell() string {
	if s := os.Getenv("SHELL"); s != "" {
		return s
	}
	return "/bin/sh"
}

// runShell runs a command in the user's shell, without input and output, and
// reports whether the exit status is 0. runShell returns an error if the
// command cannot be run or is ended by a signal. When ctx is done, the command
// is killed and runShell returns an error.
func runShell(ctx context.Context, command string) (bool, error) {
	cmd := exec.CommandContext(ctx, shell(), "-c", command)
	ownGroup(cmd)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, fmt.Errorf("%q was ended: %w", command, ctx.Err())
	case errors.As(err, &exit) && exit.Exited():
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%q: %w", command, err)
	}
	return true, nil
}
