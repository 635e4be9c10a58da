package reactor

import "golang.org/x/sys/unix"

// receiveFlags makes received descriptors close on exec from the first moment on.
const receiveFlags = unix.MSG_CMSG_CLOEXEC
