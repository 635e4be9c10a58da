package filetransfer

import (
	"strings"

	"github.com/hawser-go/hawser/deferred"
)

// LinkOrder is the order of the two paths in a request for a symbolic link. The
// draft has the path of the link first. OpenSSH and most others expect the
// target first.
type LinkOrder uint8

const (
	// LinkOrderAuto is the draft's order if SSHVersion is that of Twisted,
	// AsyncSSH or ssh2 of Node.js, and OpenSSH's order otherwise.
	LinkOrderAuto LinkOrder = iota

	LinkOrderOpenSSH // target, link
	LinkOrderDraft   // link, target
)

// draftServers are the names of servers that use the draft's order, in their
// SSH version lines. ssh2 uses OpenSSH's order only for clients of OpenSSH.
var draftServers = []string{"SSH-2.0-Twisted", "SSH-2.0-AsyncSSH", "SSH-2.0-ssh2js"}

// MakeLink creates a symbolic link at linkPath that points to targetPath (draft
// section 6.10). A server that expects the other order of the two paths creates
// the link at targetPath; see LinkOrder.
func (c *FileTransferClient) MakeLink(linkPath, targetPath string) deferred.Deferred[Status] {
	first, second := targetPath, linkPath
	if c.linkFirst() {
		first, second = linkPath, targetPath
	}
	return request(c, pathsPacket(fxpSymlink, first, second), op{"symlink", linkPath, targetPath}, statusAnswer)
}

// linkFirst reports whether the server expects the draft's order.
func (c *FileTransferClient) linkFirst() bool {
	if c.LinkOrder != LinkOrderAuto {
		return c.LinkOrder == LinkOrderDraft
	}
	for _, server := range draftServers {
		if strings.HasPrefix(c.SSHVersion, server) {
			return true
		}
	}
	return false
}

// ReadLink fires with the target of a symbolic link (draft section 6.10).
func (c *FileTransferClient) ReadLink(path string) deferred.Deferred[string] {
	return request(c, pathPacket(fxpReadlink, path), op{name: "readlink", path: path}, pathAnswer)
}
