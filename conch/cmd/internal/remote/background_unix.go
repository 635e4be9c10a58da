//go:build unix

package remote

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
)

// inBackground is the environment variable of the process that -f starts. Its
// value is the number of the file that the process closes after the login.
const inBackground = "HAWSER_CONCH_BACKGROUND"

// runInBackground starts this program once more. The new process asks the
// questions, because it has the terminal too. It returns when that process has
// logged in, or with its exit status if it ends before.
func (c *Command) runInBackground(args []string) int {
	program, err := os.Executable()
	if err != nil {
		return c.refuse(fmt.Errorf("cannot go to the background: %w", err))
	}
	loggedIn, theirs, err := os.Pipe()
	if err != nil {
		return c.refuse(fmt.Errorf("cannot go to the background: %w", err))
	}
	defer loggedIn.Close()
	cmd := exec.Command(program, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.ExtraFiles = []*os.File{theirs} // number 3
	cmd.Env = append(os.Environ(), inBackground+"=3")
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // the new process decides
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return c.refuse(fmt.Errorf("cannot go to the background: %w", err))
	}
	if n, _ := loggedIn.Read(make([]byte, 1)); n == 1 {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); ok {
		return max(exit.ExitCode(), 1)
	}
	return 0
}

// leaveForeground tells the parent that the login is done, and leaves its
// terminal.
func leaveForeground() {
	number, err := strconv.Atoi(os.Getenv(inBackground))
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(number), "parent")
	_, _ = f.Write([]byte{1}) // the parent may be gone
	_ = f.Close()
	_, _ = syscall.Setsid() // fails if it leads a group already
}
