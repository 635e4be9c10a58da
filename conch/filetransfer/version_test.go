package filetransfer

import (
	"errors"
	"io"
	"testing"

	"github.com/hawser-go/hawser/deferred"
)

// F7: WhenVersion fires when the version and the extensions of the server have
// arrived.
func TestF7_WhenVersion(t *testing.T) {
	c := NewFileTransferClient()
	early, given := watch(c.WhenVersion()), c.WhenVersion()
	cancelled := watch(given)
	c.MakeConnection(new(memoryTransport))
	given.Cancel()
	var inside watched
	c.GotServerVersion = func(uint32, map[string]string) { inside = watch(c.WhenVersion()) }
	if early.Fired || !errors.Is(cancelled.Err, deferred.ErrCancelled) {
		t.Fatalf("%+v, %+v", early, cancelled)
	}
	c.DataReceived(versionPacket(3, "x", "1"))
	for _, o := range []watched{early, inside, watch(c.WhenVersion())} {
		if !o.Fired || o.Value != uint32(3) || o.Err != nil || !c.HasExtension("x") {
			t.Errorf("%+v", o)
		}
	}
}

func TestF7_WhenVersionOfALostConnection(t *testing.T) {
	for name, end := range map[string]func(c *FileTransferClient){
		"lost":           func(c *FileTransferClient) { c.ConnectionLost(io.ErrClosedPipe) },
		"protocol error": func(c *FileTransferClient) { c.DataReceived(packet(fxpVersion, nil)) },
	} {
		c, _ := connected(t)
		before := watch(c.WhenVersion())
		end(c)
		after := watch(c.WhenVersion())
		if !before.Fired || before.Err != c.Lost() || after.Err != c.Lost() || c.Lost() == nil {
			t.Errorf("%s: %+v, %+v", name, before, after)
		}
	}
}
