package login

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// shellDelay is how long Wait waits for a command that has been cancelled, and
// for programs that it has left behind and that still hold its output.
const shellDelay = 2 * time.Second

// Shell returns the command that runs a line with the user's shell, or the shell
// itself if the line is empty. The end of ctx kills it, unless the caller sets
// Cancel.
func Shell(ctx context.Context, line string) *exec.Cmd {
	shell, flag := cmp.Or(os.Getenv("SHELL"), "/bin/sh"), "-c"
	if runtime.GOOS == "windows" {
		shell, flag = cmp.Or(os.Getenv("COMSPEC"), "cmd.exe"), "/c"
	}
	args := []string{flag, line}
	if line == "" {
		args = nil
	}
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.WaitDelay = shellDelay
	return cmd
}
