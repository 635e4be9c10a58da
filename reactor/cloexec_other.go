//go:build unix && !linux

package reactor

// receiveFlags has nothing to make received descriptors close on exec with; descriptorsIn does it.
const receiveFlags = 0
