package reactor

import "golang.org/x/sys/unix"

// receiveFlags makes the kernel mark received descriptors close-on-exec.
const receiveFlags = unix.MSG_CMSG_CLOEXEC
