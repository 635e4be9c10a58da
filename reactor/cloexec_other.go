//go:build unix && !linux

package reactor

// receiveFlags is 0 here: descriptorsIn marks received descriptors
// close-on-exec after they arrived.
const receiveFlags = 0
