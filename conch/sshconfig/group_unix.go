//go:build unix

package sshconfig

import (
	"os/exec"
	"syscall"
)

// ownGroup runs the command in a new process group. The whole group is killed
// when the command's context ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
